import { join } from "node:path";
import { defineConfig, type UserWorkspaceConfig } from "vitest/config";

// .ci/run sums the counts of all vitest runs from these files.
const reports = process.env.STATION_REPORTS;

const wire = { include: ["test/sweep/wire/*.test.ts"], pool: "forks" as const, hookTimeout: 120_000 };

const projects: NonNullable<UserWorkspaceConfig["test"]>[] = [
  {
    name: "unit",
    include: ["test/unit/**/*.test.ts"],
    pool: "forks",
    isolate: false,
    testTimeout: 20_000,
    setupFiles: ["test/properties.ts"],
  },
  {
    name: "system",
    include: ["test/system/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
  {
    name: "e2e",
    include: ["test/e2e/**/*.test.ts"],
    expect: { poll: { timeout: 20_000 } },
    pool: "forks",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
  {
    name: "interop",
    include: ["test/interop/**/*.test.ts"],
    pool: "forks",
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
  {
    name: "nodes",
    include: ["test/nodes/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 360_000,
    hookTimeout: 120_000,
  },
  {
    name: "postgres",
    include: ["test/postgres/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
  {
    name: "scale",
    include: ["test/scale/*.test.ts"],
    pool: "forks",
    testTimeout: 7_200_000,
  },
  {
    name: "package",
    include: ["test/package/*.test.ts"],
    pool: "forks",
    testTimeout: 120_000,
    hookTimeout: 290_000,
  },
  {
    name: "socketcan",
    include: ["test/socketcan/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
  {
    name: "sweep",
    include: ["test/sweep/*.test.ts", "test/sweep/{power,run-kill,paths,server-faults}/*.test.ts"],
    pool: "forks",
    testTimeout: 900_000,
    hookTimeout: 120_000,
  },
  // A file a fault, on all cores: each is a world of its own on a virtual clock.
  { name: "wire", ...wire, testTimeout: 900_000 },
  {
    name: "wire-full",
    ...wire,
    testTimeout: 86_400_000,
    env: { STATION_WIRE_PROFILE: "evcc", STATION_WIRE_EVERY: "1" },
  },
  {
    name: "run-kill-full",
    include: ["test/sweep/run-kill/*.test.ts"],
    pool: "forks",
    testTimeout: 14_400_000,
    hookTimeout: 120_000,
    env: { STATION_KILL_POINTS: "all" },
  },
  {
    name: "server-faults-full",
    include: ["test/sweep/server-faults/*.test.ts"],
    pool: "forks",
    testTimeout: 7_200_000,
    hookTimeout: 120_000,
    env: { STATION_SERVER_FAULTS: "all" },
  },
];

export default defineConfig({
  test: {
    reporters: reports === undefined ? ["default"] : ["default", "json"],
    ...(reports === undefined ? {} : { outputFile: { json: join(reports, `${process.pid}-${Date.now()}.json`) } }),
    // The message of a failed test, all that .ci/run repeats of it, says what was there.
    projects: projects.map((test) => ({ test: { ...test, chaiConfig: { truncateThreshold: 1_000 } } })),
  },
});
