// Loaded into a server's process by NODE_OPTIONS: measures how long its event loop stood still, and writes it when the process ends.
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

if (isMainThread && process.env.STALL_FILE !== undefined) {
  const file = process.env.STALL_FILE;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  // Modules load and CAs are made before the first request.
  const began = setTimeout(() => delay.enable(), 3_000);
  began.unref();
  process.on("exit", () => {
    writeFileSync(file, JSON.stringify({ max: delay.max / 1e6, p999: delay.percentile(99.9) / 1e6 }));
  });
}
