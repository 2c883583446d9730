/** What settings need to know of the machine. All I/O of this room comes in through here. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory the command was started in, symbolic links resolved. */
  readonly cwd: string;
  /** Effective user and group of the process. */
  readonly uid: number;
  readonly gid: number;
  /** `process.platform` */
  readonly platform: string;
  /** Home directory of the user when HOME is not set. */
  readonly home: string;
  /** Width of the terminal at stdout; undefined when it is none. COLUMNS in `env` wins over it. */
  readonly terminalColumns: number | undefined;
  /** Whether anything exists at the path, symbolic links followed. */
  readonly exists: (path: string) => boolean;
  readonly isDirectory: (path: string) => boolean;
  /** Whether two paths name one inode. False when one of them does not exist. */
  readonly isSameFile: (path: string, other: string) => boolean;
  /** Text of a file that exists. @throws {Error} when it cannot be read. */
  readonly readText: (path: string) => string;
  /** User id of a name, undefined when there is no such user. */
  readonly findUser: (name: string) => number | undefined;
  readonly findGroup: (name: string) => number | undefined;
}

/** The launch directory as the shell calls it: PWD keeps a symbolic link's name where it means the same directory. */
export function launchDirectory(surroundings: Surroundings): string {
  const { PWD } = surroundings.env;
  return PWD !== undefined && surroundings.isSameFile(PWD, surroundings.cwd) ? PWD : surroundings.cwd;
}
