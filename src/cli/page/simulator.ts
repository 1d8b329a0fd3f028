/** What a newcomer can provoke from the page in simulator mode. */
import { randomInt } from "node:crypto";
import type { PageSimulator } from "../../hmi/api/ports.js";
import { sampleValue } from "../../profiles/inputs.js";
import type { StationConfig } from "../config.js";
import { findProfile } from "../profiles.js";
import type { Outages } from "./outages.js";

/** Spec, Korean, English: one of each kind; all specs are in docs/ecu-simulator.md. */
const FAULTS = [
  ["wrong-kind", "다른 종류의 ECU", "Another kind of ECU"],
  ["silent-after:20", "도중에 응답이 끊김", "Falls silent on the way"],
  ["nrc:31:72", "루틴을 거부함 (NRC 72)", "Refuses routines (NRC 72)"],
  ["pending:31", "끝없이 처리 중 (0x78)", "Busy for ever (0x78)"],
  ["wrong-m4", "잘못된 키 증명 (M4)", "Wrong proof of a key load (M4)"],
  ["wrong-proof", "잘못된 소유 증명 서명", "Wrong proof of possession"],
  ["drop-answer:0209", "키 적재의 응답이 사라짐", "The answer to a key load is lost"],
  ["reset:load-key:after", "키 적재 후 재시작", "Resets behind a key load"],
  ["power-cut:20", "전원이 끊김", "Its power is cut"],
  ["drop:rate=0.02", "프레임 손실 2 %", "2 % of the frames are lost"],
  ["corrupt:rate=0.01", "프레임 오류 1 %", "1 % of the frames are damaged"],
  ["bus-off:100", "버스 오프", "Goes bus-off"],
  ["slow:500", "느린 응답 (0.5 s)", "Slow answers (0.5 s)"],
] as const;

/** Profile of bays that have none. */
const PROFILE = "evcc";

export function pageSimulator(config: StationConfig, outages: Outages): PageSimulator {
  return {
    faults: FAULTS.map(([spec, ko, en]) => ({ spec, text: { ko, en } })),
    profile: PROFILE,
    async scan({ name, inputs }) {
      const { profile } = await findProfile(name, config.profileDirs);
      const wanted = profile.inputs.filter((one) => inputs.some((input) => input.wanted && input.name === one.name));
      return Object.fromEntries(wanted.map((input) => [input.name, sampleValue(input, (below) => randomInt(below))]));
    },
    broken: () => outages.broken(),
    breakServer: (server, broken) => outages.set(server, broken),
  };
}
