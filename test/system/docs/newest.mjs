// Prints a field of the newest run in the default data folder.
import { execFileSync } from "node:child_process";

const { runs } = JSON.parse(
  execFileSync("ecustation", ["records", "list", "--limit", "1", "--json"], { encoding: "utf8" }),
);
console.log(runs[0][process.argv[2]]);
