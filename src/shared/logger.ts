/** One structured line of the program's log. Values must not be key material: wrap that in Secret, which prints as redacted. */
export interface Logger {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  child(fields: Record<string, unknown>): Logger;
}

export type Level = "info" | "warn" | "error";

/** Writes JSON lines to `write` (stderr as a rule: stdout belongs to the command's answer). */
export function jsonLogger(
  write: (line: string, level: Level) => void,
  now: () => number,
  base: Record<string, unknown> = {},
): Logger {
  const put = (level: Level, message: string, fields?: Record<string, unknown>) =>
    write(
      `${JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...base, ...plain(fields) })}\n`,
      level,
    );
  return {
    info: (message, fields) => put("info", message, fields),
    warn: (message, fields) => put("warn", message, fields),
    error: (message, fields) => put("error", message, fields),
    child: (fields) => jsonLogger(write, now, { ...base, ...fields }),
  };
}

function plain(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? value.message : value]),
  );
}

export const silentLogger: Logger = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
