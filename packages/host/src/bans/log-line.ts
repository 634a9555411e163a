/** One line of a log, as files and systemd's journal have it. Strangers write into both: nothing here throws. */

export interface LogLine {
  /** The program that says it, without its process id. */
  readonly service: string;
  readonly text: string;
}

/**
 * A line of a file that syslog writes: the traditional time of RFC 3164 section 4.1.2, or the one of RFC 3339 that newer
 * distributions use, then host, `program[pid]:` and text.
 */
const SYSLOG =
  /^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S{0,16}) \S{1,255} ([^\s[\]:]{1,64})(?:\[\d{1,10}\])?: (.*)$/;

export function syslogLine(line: string): LogLine | null {
  const [, service, text] = SYSLOG.exec(line) ?? [];
  return service === undefined || text === undefined ? null : { service, text };
}

/**
 * An entry of `journalctl -o json`, one object a line. Fields that begin with `_` are the journal's own word: anybody may
 * call himself sshd, but only root has `_UID` 0.
 *
 * @returns the line, and where in the journal it stands; `line` is null for what is no text or not root's
 */
export function journalEntry(json: string): { readonly line: LogLine | null; readonly cursor: string | null } {
  const entry = fieldsOf(json);
  const text = (key: string): string | null => {
    const value = entry[key];
    return typeof value === 'string' ? value : null;
  };
  const [service, message] = [text('SYSLOG_IDENTIFIER'), text('MESSAGE')];
  const line = service === null || message === null || text('_UID') !== '0' ? null : { service, text: message };
  return { line, cursor: text('__CURSOR') };
}

function fieldsOf(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
