/** A simulation's figures as text and as the tables of docs/scale.md. */
import { cpus, totalmem } from "node:os";
import type { Part, PlantOptions, Report } from "./plant.js";

const ms = (value: number) => (value < 10 ? value.toFixed(1) : value.toFixed(0));

function partTable({ name, rate, lines, locks, outage, cpu }: Part): string {
  const rows = lines.map(
    ({ what, count, p50, p99, max, givenUp }) =>
      `| ${what} | ${count} | ${ms(p50)} | ${ms(p99)} | ${ms(max)} | ${givenUp} |`,
  );
  const waited = `${locks.waiting} of ${locks.looks} looks found statements waiting for a lock, ${locks.most} at most, ${ms(locks.longest)} ms at longest`;
  const away =
    outage === undefined
      ? []
      : [
          `Requests of the outage waited ${ms(outage.held)} ms at longest; the last of them was answered ${ms(outage.recovery)} ms after its end.`,
        ];
  return [
    `### ${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    "",
    `${rate.toFixed(1)} requests a second; both replicas used ${(cpu * 100).toFixed(0)} % of a core; ${waited}.`,
    ...away,
    "",
    "| request | count | p50 ms | p99 ms | longest ms | given up and sent again |",
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

export function reportText({ stations, takt, part, away }: PlantOptions, report: Report): string {
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`;
  const { units, certificates, sets, confirmed, deadlocks } = report;
  return [
    `${stations} stations, a unit every ${takt / 1_000} s each (${Math.round((stations * 3_600_000) / takt)} an hour in all), ${part / 60_000} minutes a part, outages of ${away / 1_000} s; ${machine}; ${new Date().toISOString().slice(0, 10)}.`,
    "",
    ...report.parts.flatMap((each) => [partTable(each), ""]),
    `${units} units: ${certificates} certificates, ${sets} key sets, ${confirmed} of them confirmed; ${deadlocks} deadlocks.`,
  ].join("\n");
}
