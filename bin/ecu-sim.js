#!/usr/bin/env node
import { main } from "../dist/firmware-sim/main.js";

process.exitCode = await main(process.argv.slice(2));
