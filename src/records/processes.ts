/** Whether the process that wrote something still lives; a pid alone may have been given to another since. */
import { readFileSync } from "node:fs";
import { hasCode } from "../shared/error-code.js";

export interface ProcessId {
  readonly pid: number;
  /** Boot and start time where the system tells them (Linux), else empty. */
  readonly process: string;
}

export interface Processes {
  readonly self: ProcessId;
  alive(process: ProcessId): boolean;
}

function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // Field 22, counted behind the command's name, which may hold spaces and parentheses.
    const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return started === undefined ? "" : `${boot}/${started}`;
  } catch {
    return "";
  }
}

/** The machine's processes. */
export function systemProcesses(): Processes {
  return {
    self: { pid: process.pid, process: startOf(process.pid) },
    alive(other) {
      try {
        process.kill(other.pid, 0);
      } catch (error) {
        // EPERM: it lives and belongs to another user.
        if (!hasCode(error, "EPERM")) return false;
      }
      return other.process === "" || startOf(other.pid) === other.process;
    },
  };
}
