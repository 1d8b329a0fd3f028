/** What the process as a whole is measured by: stalls of its event loop, memory, start time, calls of its stores. */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { StoreHost } from "../../db/store.js";
import type { Clock } from "../../shared/clock.js";
import type { Metrics } from "./metrics.js";

/** How often the loop's delay is sampled, ms. */
const RESOLUTION = 10;
const QUANTILES = [0.5, 0.9, 0.99, 0.999] as const;
const NS = 1e9;

/** Measures the process until the answer is called. */
export function measureProcess(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  delay.enable();
  // A sample is the time between two ticks of the monitor's timer, which are the resolution apart where nothing stalls.
  const seconds = (ns: number) => (delay.count === 0 ? 0 : Math.max(0, ns - RESOLUTION * 1e6) / NS);
  metrics.summary("ecustation_event_loop_delay_seconds", "How late the event loop was, since the start.", () => [
    ...QUANTILES.map((q) => ({ labels: { quantile: String(q) }, value: seconds(delay.percentile(100 * q)) })),
    { suffix: "_sum", value: seconds(delay.mean) * delay.count },
    { suffix: "_count", value: delay.count },
  ]);
  metrics.gauge("ecustation_event_loop_delay_max_seconds", "Longest stall of the event loop since the start.", () =>
    seconds(delay.max),
  );
  metrics.gauge("process_resident_memory_bytes", "Resident memory of the process.", () => process.memoryUsage.rss());
  metrics.gauge(
    "process_start_time_seconds",
    "When the process started, seconds since the epoch.",
    () => Math.round(performance.timeOrigin) / 1000,
  );
  return () => void delay.disable();
}

/**
 * The same stores, with the times of their calls measured.
 * @param name of the store in the label
 */
export function measuredStores(host: StoreHost, name: string, clock: Clock, metrics: Metrics): StoreHost {
  const times = metrics.histogram(
    "ecustation_store_call_seconds",
    "Times of store operations from call to answer, by store, operation and outcome.",
  );
  return {
    async open(...args) {
      const store = await host.open(...args);
      return {
        async call(operation, values) {
          const started = clock.monotonic();
          const took = (outcome: string) =>
            times.observe({ store: name, operation: String(operation), outcome }, (clock.monotonic() - started) / 1000);
          try {
            const answer = await store.call(operation, values);
            took("done");
            return answer;
          } catch (error) {
            took("failed");
            throw error;
          }
        },
      };
    },
    close: () => host.close(),
  };
}
