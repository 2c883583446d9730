/** The end of the program before it started: what to print, and the exit status. */
export interface Exit {
  readonly at: "exit";
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** Gunicorn's way to say that the configuration is wrong. `before` stands ahead of it on standard error. */
export function exitWithError(text: string, before = ""): Exit {
  return { at: "exit", stdout: "", stderr: `${before}\nError: ${text}\n`, status: 1 };
}
