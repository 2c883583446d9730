/** Settings `accesslog` to `paste`: logs, metrics, names. */

import { bool, classUri, dict, string } from "../kinds.ts";
import { statsdAddress } from "../kinds-of-one.ts";
import { setting } from "../setting.ts";

/** Where the system's own syslog listens; everywhere else it is asked over UDP. */
const SYSLOG_SOCKETS: Readonly<Record<string, string>> = {
  darwin: "unix:///var/run/syslog",
  freebsd: "unix:///var/run/log",
  dragonfly: "unix:///var/run/log",
  openbsd: "unix:///dev/log",
};

export const LOGGING = {
  accesslog: setting({
    section: "Logging",
    flags: ["--access-logfile"],
    metavar: "FILE",
    kind: string,
    default: null,
    onReload: "apply",
    doc: `The Access log file to write to.

- means stdout. When not set, there is no access log.`,
  }),
  disable_redirect_access_to_syslog: setting({
    section: "Logging",
    flags: ["--disable-redirect-access-to-syslog"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Disable redirect access logs to syslog.`,
  }),
  access_log_format: setting({
    section: "Logging",
    flags: ["--access-logformat"],
    metavar: "STRING",
    kind: string,
    default: '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
    onReload: "apply",
    doc: `The access log format.

Each %(x)s is replaced: h the client's address, l -, u the user of Basic authentication, t the time, r the request line, m the method, U the path, q the query,
H the protocol, s the status, B the response's bytes (b: - for none), f the referrer, a the user agent, T the duration in seconds, M in
milliseconds, D in microseconds, L in seconds with decimals, p the process, {header}i a request header, {header}o a response header,
{variable}e a variable of the environ.`,
  }),
  errorlog: setting({
    section: "Logging",
    flags: ["--error-logfile", "--log-file"],
    metavar: "FILE",
    kind: string,
    default: "-",
    onReload: "apply",
    doc: `The Error log file to write to.

- means stderr.`,
  }),
  loglevel: setting({
    section: "Logging",
    flags: ["--log-level"],
    metavar: "LEVEL",
    kind: string,
    default: "info",
    onReload: "apply",
    doc: `The granularity of Error log outputs.

debug, info, warning, error or critical, in any case; another word means info.`,
  }),
  capture_output: setting({
    section: "Logging",
    flags: ["--capture-output"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Redirect stdout/stderr to specified file in errorlog.`,
  }),
  logger_class: setting({
    section: "Logging",
    flags: ["--logger-class"],
    metavar: "STRING",
    kind: classUri,
    default: "gunicorn.glogging.Logger",
    onReload: "apply",
    doc: `The logger you want to use to log events.

The dotted path of a class with the methods of gunicorn.glogging.Logger.`,
  }),
  logconfig: setting({
    section: "Logging",
    flags: ["--log-config"],
    metavar: "FILE",
    kind: string,
    default: null,
    onReload: "apply",
    doc: `The log config file to use.

In the format of Python's logging.config.fileConfig.`,
  }),
  logconfig_dict: setting({
    section: "Logging",
    flags: [],
    kind: dict,
    default: { t: "dict", v: [] },
    onReload: "apply",
    doc: `The log config dictionary to use, in the format of Python's logging.config.dictConfig.

Wins over logconfig_json and logconfig.`,
  }),
  logconfig_json: setting({
    section: "Logging",
    flags: ["--log-config-json"],
    metavar: "FILE",
    kind: string,
    default: null,
    onReload: "apply",
    doc: `The log config to read config from a JSON file.

Wins over logconfig.`,
  }),
  syslog_addr: setting({
    section: "Logging",
    flags: ["--log-syslog-to"],
    kind: string,
    default: "udp://localhost:514",
    surroundingDefault: ({ platform }) => {
      const value = SYSLOG_SOCKETS[platform];
      return value === undefined ? undefined : { value };
    },
    onReload: "apply",
    doc: `Address to send syslog messages.

unix://PATH, with #stream or #dgram behind it, udp://HOST:PORT or tcp://HOST:PORT. The default is the system's own.`,
  }),
  syslog: setting({
    section: "Logging",
    flags: ["--log-syslog"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Send logs to syslog.`,
  }),
  syslog_prefix: setting({
    section: "Logging",
    flags: ["--log-syslog-prefix"],
    kind: string,
    default: null,
    onReload: "apply",
    doc: `Makes the server use the parameter as program-name in the syslog entries.

Behind gunicorn and a dot.`,
  }),
  syslog_facility: setting({
    section: "Logging",
    flags: ["--log-syslog-facility"],
    kind: string,
    default: "user",
    onReload: "apply",
    doc: `Syslog facility name`,
  }),
  enable_stdio_inheritance: setting({
    section: "Logging",
    flags: ["-R", "--enable-stdio-inheritance"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "restart",
    doc: `Enable stdio inheritance: a daemon keeps stdout and stderr.`,
  }),
  statsd_host: setting({
    section: "Logging",
    flags: ["--statsd-host"],
    metavar: "STATSD_ADDR",
    kind: statsdAddress,
    default: null,
    onReload: "apply",
    doc: `The address of the StatsD server to log to.

HOST:PORT, HOST (port 8125) or unix://PATH.`,
  }),
  dogstatsd_tags: setting({
    section: "Logging",
    flags: ["--dogstatsd-tags"],
    kind: string,
    default: "",
    onReload: "apply",
    doc: `A comma-delimited list of datadog statsd (dogstatsd) tags to append to statsd metrics.`,
  }),
  statsd_prefix: setting({
    section: "Logging",
    flags: ["--statsd-prefix"],
    kind: string,
    default: "",
    onReload: "apply",
    doc: `Prefix to use when emitting statsd metrics (a trailing . is added, if not provided).`,
  }),
  enable_backlog_metric: setting({
    section: "Logging",
    flags: ["--enable-backlog-metric"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    doc: `Enable socket backlog metric (only supported on Linux).`,
  }),
  proc_name: setting({
    section: "Process Naming",
    flags: ["-n", "--name"],
    metavar: "STRING",
    kind: string,
    default: null,
    onReload: "apply",
    doc: `A base to use with setproctitle for process naming.

When not set, default_proc_name.`,
  }),
  default_proc_name: setting({
    section: "Process Naming",
    flags: [],
    kind: string,
    default: "gunicorn",
    onReload: "apply",
    doc: `Internal setting that is adjusted for each type of application.`,
  }),
  pythonpath: setting({
    section: "Server Mechanics",
    flags: ["--pythonpath"],
    metavar: "STRING",
    kind: string,
    default: null,
    onReload: "apply",
    doc: `A comma-separated list of directories to add to the Python path.`,
  }),
  paste: setting({
    section: "Server Mechanics",
    flags: ["--paste", "--paster"],
    metavar: "STRING",
    kind: string,
    default: null,
    onReload: "apply",
    doc: `Load a PasteDeploy config file, FILE or FILE#APP.

Its server sections are ignored; a section [loggers] makes the file the logconfig.`,
  }),
} as const;
