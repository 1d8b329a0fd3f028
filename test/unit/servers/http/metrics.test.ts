import { expect, it } from "vitest";
import { Metrics } from "../../../../src/servers/http/metrics.js";
import { measureProcess } from "../../../../src/servers/http/process-metrics.js";

it("a counter is exposed by its labels, escaped as the text format asks", () => {
  const metrics = new Metrics();
  const counter = metrics.counter("things_total", "Things\nof \\ all kinds.");
  counter.inc({ kind: 'a"b\\c\nd' });
  counter.inc({ kind: "x" });
  counter.inc({ kind: "x" });
  expect(metrics.exposition()).toBe(
    [
      "# HELP things_total Things\\nof \\\\ all kinds.",
      "# TYPE things_total counter",
      'things_total{kind="a\\"b\\\\c\\nd"} 1',
      'things_total{kind="x"} 2',
      "",
    ].join("\n"),
  );
});

it("a histogram's buckets are cumulative and end with +Inf, and its sum is that of the values", () => {
  const metrics = new Metrics();
  const histogram = metrics.histogram("seconds", "Times.", [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe({ route: "/a" }, value);
  expect(metrics.exposition().split("\n").slice(2, -1)).toEqual([
    'seconds_bucket{route="/a",le="0.1"} 2',
    'seconds_bucket{route="/a",le="1"} 3',
    'seconds_bucket{route="/a",le="+Inf"} 4',
    'seconds_sum{route="/a"} 7.65',
    'seconds_count{route="/a"} 4',
  ]);
});

it("servers of one process share a metric of one name", () => {
  const metrics = new Metrics();
  metrics.counter("shared_total", "x").inc({ server: "vpki" });
  metrics.counter("shared_total", "x").inc({ server: "kms" });
  expect(metrics.exposition().match(/# TYPE/g)).toHaveLength(1);
  expect(metrics.exposition()).toContain('shared_total{server="kms"} 1');
});

it("a stall of the event loop shows", async () => {
  const metrics = new Metrics();
  const stop = measureProcess(metrics);
  const max = () => Number(/^ecustation_event_loop_delay_max_seconds (\S+)$/m.exec(metrics.exposition())?.[1]);
  const turns = async () => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 15));
  };
  await turns();
  const end = performance.now() + 400;
  while (performance.now() < end);
  await turns();
  expect(max()).toBeGreaterThan(0.3);
  stop();
});
