import { beforeAll, describe, expect, it } from "vitest";
import { RIGHTS, type Right, ROLES, type Role } from "../../../src/hmi/contract/roles.js";
import { ROUTES, type Route, type RouteName } from "../../../src/hmi/contract/routes.js";
import { type Bench, Browser, openBench } from "./bench.js";

/** Least role of each route, by hand: what the contract's tables come to. Undefined: for everybody. */
const LEAST: Readonly<Record<RouteName, Role | undefined>> = {
  events: undefined,
  session: undefined,
  signIn: undefined,
  signOut: undefined,
  scan: "operator",
  clear: "operator",
  start: "operator",
  abort: "operator",
  answer: "operator",
  chooseProfile: "engineer",
  liveTrace: "engineer",
  simulator: "operator",
  simulate: "operator",
  breakServer: "operator",
  runs: "operator",
  run: "operator",
  runMessages: "engineer",
  runTrace: "engineer",
  runRecord: "engineer",
  runsExport: "engineer",
  yield: "operator",
  profiles: "operator",
  profileChanges: "operator",
  approve: "engineer",
  outbox: "engineer",
  retry: "engineer",
  waive: "admin",
  bays: "engineer",
  adapters: "engineer",
  users: "admin",
  addUser: "admin",
  setPin: "admin",
  lockUser: "admin",
};

const NAMES = Object.keys(ROUTES) as RouteName[];
/** Streams answer as long as they are open. */
const STREAMS: readonly RouteName[] = ["events", "liveTrace"];
const PIN = "1234";

let bench: Bench;
const browsers = new Map<Role | undefined, Browser>();

async function ask(role: Role | undefined, name: RouteName): Promise<number> {
  const browser = browsers.get(role) ?? new Browser(0);
  const { method, path }: Route = ROUTES[name];
  const address = path.replace(/:\w+/g, "none");
  if (STREAMS.includes(name) && (LEAST[name] === undefined || rank(role) >= rank(LEAST[name]))) return 200;
  const { status } = method === "GET" ? await browser.get(address) : await browser.post(address, { nonsense: true });
  return status;
}

const rank = (role: Role | undefined) => (role === undefined ? -1 : ROLES.indexOf(role));

describe("every route and every role", () => {
  beforeAll(async () => {
    bench = await openBench({ mode: "plant" });
    for (const role of ROLES) await bench.records.users.add({ name: role, role, pin: PIN }, "test");
    for (const role of [undefined, ...ROLES]) {
      const browser = bench.browser();
      browsers.set(role, browser);
      if (role === undefined) await browser.session();
      else expect((await browser.signIn({ name: role, pin: PIN })).status).toBe(200);
    }
  }, 60_000);

  it("nobody gets further than the role allows, and whoever has it gets through", async () => {
    const table: string[] = [];
    for (const name of NAMES.filter((one) => one !== "signOut")) {
      for (const role of [undefined, ...ROLES]) {
        const least = LEAST[name];
        const status = await ask(role, name);
        const expected = least === undefined || rank(role) >= rank(least) ? "through" : role === undefined ? 401 : 403;
        const seen = status === 401 || status === 403 ? status : "through";
        if (seen !== expected) table.push(`${name} as ${role ?? "nobody"}: ${status}, expected ${expected}`);
      }
    }
    expect(table).toEqual([]);
  });

  it("the table of rights is the one that was meant", () => {
    for (const name of NAMES) {
      const { right }: Route = ROUTES[name];
      expect([name, right && RIGHTS[right as Right]]).toEqual([name, LEAST[name]]);
    }
  });
});
