/** `ecustation revoke`: a unit is scrapped, replaced or reworked; all certificates that its records name are revoked. */
import { access } from "node:fs/promises";
import { Command, InvalidArgumentError } from "commander";
import { openStation } from "../app.js";
import type { RevokedUnit } from "../records/revocation.js";
import type { RevokedCertificate } from "../records/types.js";
import { StationError } from "../shared/errors.js";
import { type Language, recordsFile } from "./config.js";
import { type GlobalOptions, type Io, printJson, printLine } from "./io.js";
import { actingPerson } from "./person.js";
import { contextOf } from "./run.js";

interface RevokeFlags extends GlobalOptions {
  readonly unit: string;
  readonly reason: string;
  readonly rework?: boolean;
  readonly json?: boolean;
}

/** Longest reason; it goes into the audit log and onto the operator's screen. */
const MAX_REASON = 200;

function text(value: string): string {
  const plain = value.trim();
  if (plain === "" || plain.length > MAX_REASON || /\p{Cc}/u.test(plain))
    throw new InvalidArgumentError(`expected 1 to ${MAX_REASON} characters in one line.`);
  return plain;
}

export function revokeCommand(io: Io): Command {
  return new Command("revoke")
    .description("a scrapped or replaced unit: revokes all certificates that its records name, and runs it no more")
    .requiredOption("--unit <unit>", "VIN, EcuID or serial number", text)
    .requiredOption("--reason <reason>", "why, for the audit log", text)
    .option("--rework", "the unit may be run again")
    .option("--json", "one JSON object: the unit and its certificates")
    .action(async (_options, self: Command) => {
      const flags = self.optsWithGlobals<RevokeFlags>();
      const context = await contextOf(io, flags);
      const { unit, reason, rework = false } = flags;
      // Where nothing was ever run, no server is started to say so.
      await access(recordsFile(context.config)).catch((cause: unknown) => {
        throw new StationError("UNIT_UNKNOWN", { details: { unit }, cause });
      });
      const station = await openStation(context);
      try {
        const revoked = await station.revoke({ unit, reason, rework, actor: actingPerson(io.env) });
        if (flags.json === true) await printJson(io, revoked, 2);
        else for (const line of revokedLines(revoked, context.config.language)) await printLine(io, line);
      } finally {
        await station.close();
      }
    });
}

const STATES: Readonly<Record<RevokedCertificate["state"], { readonly ko: string; readonly en: string }>> = {
  revoked: { ko: "폐지됨", en: "revoked" },
  "already-revoked": { ko: "이미 폐지됨", en: "already revoked" },
  "unknown-dn": { ko: "발급된 적 없음", en: "never issued" },
  kept: { ko: "다른 유닛이 사용 중이므로 유지", en: "kept: another unit has the name now" },
};

const UNITS: Readonly<Record<RevokedUnit["state"], { readonly ko: string; readonly en: string }>> = {
  scrapped: { ko: "폐기: 이 유닛은 더 이상 작업되지 않습니다", en: "scrapped: it is not run again" },
  rework: { ko: "재작업: 다시 작업할 수 있습니다", en: "rework: it may be run again" },
};

const inWords = ({ ko, en }: { readonly ko: string; readonly en: string }, language: Language) =>
  ({ ko, en, both: `${en} / ${ko}` })[language];

function revokedLines({ ecuId, vin, serialNumber, state, certificates }: RevokedUnit, language: Language): string[] {
  return [
    `unit  ${vin ?? "-"}  ${serialNumber ?? "-"}  ${ecuId}`,
    inWords(UNITS[state], language),
    ...certificates.map(
      (certificate) =>
        `${inWords(STATES[certificate.state], language)}  ${certificate.type}  ${certificate.dn}  ${certificate.serials.join(", ") || "-"}`,
    ),
  ];
}
