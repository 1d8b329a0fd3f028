/** Whether the system, or a library, gave the error that code: `ENOENT`, `EEXIST` … */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
