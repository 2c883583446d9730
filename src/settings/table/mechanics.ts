/** Settings `preload_app` to `forwarded_allow_ips`: the processes, their rights and directories. */

import { bool, dict, mode, networkList, string, stringList } from "../kinds.ts";
import { directory, group, user } from "../kinds-of-one.ts";
import { setting } from "../setting.ts";
import { launchDirectory } from "../surroundings.ts";

export const MECHANICS = {
  preload_app: setting({
    section: "Server Mechanics",
    flags: ["--preload"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Load application code before the worker processes are forked.

Workers then share the memory of what was loaded. A reload loads new code all the same.`,
  }),
  sendfile: setting({
    section: "Server Mechanics",
    flags: ["--no-sendfile"],
    action: "store_false",
    kind: bool,
    default: null,
    onReload: "apply",
    doc: `Disables the use of sendfile().

Any value disables it. When not set, the environment variable SENDFILE decides: y, 1, yes and true mean on; without it, on.`,
  }),
  reuse_port: setting({
    section: "Server Mechanics",
    flags: ["--reuse-port"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "restart",
    doc: `Set the SO_REUSEPORT flag on the listening socket.`,
  }),
  chdir: setting({
    section: "Server Mechanics",
    flags: ["--chdir"],
    kind: directory,
    default: ".",
    surroundingDefault: (surroundings) => ({ value: launchDirectory(surroundings) }),
    onReload: "apply",
    doc: `Change directory to specified directory before loading apps.`,
  }),
  daemon: setting({
    section: "Server Mechanics",
    flags: ["-D", "--daemon"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "restart",
    doc: `Daemonize the process: detach from the terminal and go to the background.`,
  }),
  raw_env: setting({
    section: "Server Mechanics",
    flags: ["-e", "--env"],
    action: "append",
    metavar: "ENV",
    kind: stringList,
    default: [],
    onReload: "apply",
    doc: `Set environment variables in the execution environment.

As key=value; may be given several times.`,
  }),
  pidfile: setting({
    section: "Server Mechanics",
    flags: ["-p", "--pid"],
    metavar: "FILE",
    kind: string,
    default: null,
    onReload: "apply",
    doc: `A filename to use for the PID file.

When not set, none is written.`,
  }),
  worker_tmp_dir: setting({
    section: "Server Mechanics",
    flags: ["--worker-tmp-dir"],
    metavar: "DIR",
    kind: string,
    default: null,
    onReload: "apply",
    noEffect: "workers tell the gateway that they are alive; direct ones touch a file in memory",
    doc: `A directory to use for the worker heartbeat temporary file.`,
  }),
  user: setting({
    section: "Server Mechanics",
    flags: ["-u", "--user"],
    metavar: "USER",
    kind: user,
    default: null,
    surroundingDefault: ({ uid }) => ({ value: uid }),
    onReload: "apply",
    doc: `Switch worker processes to run as this user.

A name, a number, or None for the user of the start.`,
  }),
  group: setting({
    section: "Server Mechanics",
    flags: ["-g", "--group"],
    metavar: "GROUP",
    kind: group,
    default: null,
    surroundingDefault: ({ gid }) => ({ value: gid }),
    onReload: "apply",
    doc: `Switch worker process to run as this group.

A name, a number, or None for the group of the start.`,
  }),
  umask: setting({
    section: "Server Mechanics",
    flags: ["-m", "--umask"],
    metavar: "INT",
    kind: mode,
    default: 0,
    onReload: "apply",
    doc: `A bit mask for the file mode on files written by the server.

Unix sockets too. The command line takes 022 and 0o22 as octal; a config file wants an int such as 0o22.`,
  }),
  initgroups: setting({
    section: "Server Mechanics",
    flags: ["--initgroups"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `If true, set the worker process's group access list with all of the groups of its user.`,
  }),
  tmp_upload_dir: setting({
    section: "Server Mechanics",
    flags: [],
    metavar: "DIR",
    kind: string,
    default: null,
    onReload: "apply",
    doc: `Directory to store temporary request data as they are read.

Must be writable for the user that the gateway runs as. When not set, the system's directory for temporary files.`,
  }),
  secure_scheme_headers: setting({
    section: "Server Mechanics",
    flags: [],
    kind: dict,
    default: {
      t: "dict",
      v: [
        [
          { t: "str", v: "X-FORWARDED-PROTOCOL" },
          { t: "str", v: "ssl" },
        ],
        [
          { t: "str", v: "X-FORWARDED-PROTO" },
          { t: "str", v: "https" },
        ],
        [
          { t: "str", v: "X-FORWARDED-SSL" },
          { t: "str", v: "on" },
        ],
      ],
    },
    onReload: "apply",
    doc: `A dictionary of the headers and values by which the front-end proxy says that a request came over HTTPS.

Header names in capitals; values are compared exactly. Believed from peers in forwarded_allow_ips only. Headers that contradict each other
are refused.`,
  }),
  forwarded_allow_ips: setting({
    section: "Server Mechanics",
    flags: ["--forwarded-allow-ips"],
    metavar: "STRING",
    kind: networkList,
    default: "127.0.0.1,::1",
    surroundingDefault: ({ env }) =>
      env.FORWARDED_ALLOW_IPS === undefined ? undefined : { value: env.FORWARDED_ALLOW_IPS, variable: "FORWARDED_ALLOW_IPS" },
    onReload: "apply",
    doc: `Front-end's IP addresses or networks from which allowed to handle set secure headers (comma separated).

* trusts everybody. Peers on unix sockets are always trusted. The environment variable FORWARDED_ALLOW_IPS changes the default.`,
  }),
} as const;
