/** Bodies of the page's POST requests, and queries of its GET requests. Routes without a row here have neither. */
import { type Static, type TSchema, Type } from "typebox";
import { ROLES } from "./roles.js";
import type { RouteName } from "./routes.js";
import { OUTCOMES } from "./state.js";

const strict = { additionalProperties: false };
const Text = (most: number) => Type.String({ minLength: 1, maxLength: most });
/** ms since the epoch. */
const Time = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 });
const Pin = Type.String({ pattern: "^[0-9]{4,12}$" });

/** signIn: a badge, or a name and its PIN. */
export const SignIn = Type.Union([
  Type.Object({ badge: Text(200) }, strict),
  Type.Object({ name: Text(60), pin: Text(60) }, strict),
]);

/**
 * `now` of the last that the page heard of the station when the person did this: a browser may hold a request back for minutes, and what
 * begins a unit must not do so late, on whatever is at the bay by then. Left out by programs that hold nothing back.
 */
const Heard = Type.Optional(Time);

/** scan: what a scanner or a keyboard gave, the scanner's prefix and suffix with it. */
export const Scan = Type.Object({ text: Text(200), heard: Heard }, strict);

/** start: `next` begins with what was read (where nothing is missing), `last` once more with the inputs of the last unit. */
export const Start = Type.Object({ unit: Type.Enum(["next", "last"]), heard: Heard }, strict);

/** chooseProfile: for the units to come; null: the scan decides. */
export const ChooseProfile = Type.Object({ profile: Type.Union([Text(100), Type.Null()]) }, strict);

/** answer: to the prompt of that id; one of its choices, or any text where it has none. */
export const Answer = Type.Object({ prompt: Text(40), value: Type.String({ maxLength: 200 }) }, strict);

/** simulate: scans a simulated unit, with a fault or without. */
export const Simulate = Type.Object({ fault: Type.Union([Text(200), Type.Null()]) }, strict);

/** breakServer: cuts the station's way to a server, or mends it. */
export const BreakServer = Type.Object({ server: Type.Enum(["vPKI", "KMS"]), broken: Type.Boolean() }, strict);

/** waive */
export const Waive = Type.Object({ reason: Text(500) }, strict);

/** addUser */
export const NewUser = Type.Object(
  {
    name: Type.String({ pattern: "^[\\p{L}\\p{N}][\\p{L}\\p{N} ._-]{0,59}$" }),
    role: Type.Enum([...ROLES]),
    pin: Pin,
    badge: Type.Optional(Text(200)),
  },
  strict,
);

/** setPin: gives a user another PIN, and another badge where one is named. */
export const SetPin = Type.Object({ pin: Pin, badge: Type.Optional(Text(200)) }, strict);

/** lockUser */
export const LockUser = Type.Object({ locked: Type.Boolean() }, strict);

/** Query of runs and runsExport: all that is named must fit. */
export const RunsQuery = Type.Object(
  {
    vin: Type.Optional(Text(60)),
    ecuId: Type.Optional(Text(60)),
    serialNumber: Type.Optional(Text(60)),
    /** Serial of a certificate, hex. */
    certificate: Type.Optional(Text(60)),
    code: Type.Optional(Text(60)),
    station: Type.Optional(Text(100)),
    bay: Type.Optional(Text(100)),
    outcome: Type.Optional(Type.Enum([...OUTCOMES])),
    /** Anywhere in what a run is told by. */
    text: Type.Optional(Text(100)),
    /** Runs that began in [from, to). */
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    /** `next` of the page before. */
    after: Type.Optional(Text(200)),
  },
  strict,
);

/** Query of runMessages: those of one step. */
export const MessagesQuery = Type.Object({ step: Type.Optional(Text(100)) }, strict);

/** Minutes by which the reader's clock is ahead of UTC. */
const Ahead = Type.Integer({ minimum: -14 * 60, maximum: 14 * 60 });

/** Query of yield: runs that began in [from, to), by hours or days of the reader's clock. */
export const YieldQuery = Type.Object({ from: Time, to: Time, ahead: Type.Optional(Ahead) }, strict);

/** Query of profileChanges. */
export const ChangesQuery = Type.Object({ since: Text(64) }, strict);

/** What each route is given: a POST its body, a GET its query. */
export const REQUESTS = {
  signIn: SignIn,
  scan: Scan,
  start: Start,
  chooseProfile: ChooseProfile,
  answer: Answer,
  simulate: Simulate,
  breakServer: BreakServer,
  runs: RunsQuery,
  runsExport: RunsQuery,
  runMessages: MessagesQuery,
  yield: YieldQuery,
  profileChanges: ChangesQuery,
  waive: Waive,
  addUser: NewUser,
  setPin: SetPin,
  lockUser: LockUser,
} as const satisfies Partial<Record<RouteName, TSchema>>;

export type SignIn = Static<typeof SignIn>;
export type Scan = Static<typeof Scan>;
export type Start = Static<typeof Start>;
export type ChooseProfile = Static<typeof ChooseProfile>;
export type Answer = Static<typeof Answer>;
export type Simulate = Static<typeof Simulate>;
export type BreakServer = Static<typeof BreakServer>;
export type Waive = Static<typeof Waive>;
export type NewUser = Static<typeof NewUser>;
export type SetPin = Static<typeof SetPin>;
export type LockUser = Static<typeof LockUser>;
export type RunsQuery = Static<typeof RunsQuery>;
export type MessagesQuery = Static<typeof MessagesQuery>;
export type YieldQuery = Static<typeof YieldQuery>;
export type ChangesQuery = Static<typeof ChangesQuery>;
