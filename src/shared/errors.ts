/**
 * The one error type. Codes are stable: operators, records, the MES and docs name them. Texts say what happened, what is safe and what
 * to do; `{name}` stands for a value of `details`.
 */
import { koreanDetail } from "./detail-texts.js";
import { withAdvice } from "./error-advice.js";
import { KLINE_ERRORS } from "./kline-errors.js";
import { KMS_ERRORS } from "./kms-errors.js";
import { LINK_ERRORS } from "./link-errors.js";
import { ORDER_ERRORS } from "./order-errors.js";
import { OUTBOX_ERRORS } from "./outbox-errors.js";
import { PAGE_ERRORS } from "./page-errors.js";
import { POWER_ERRORS } from "./power-errors.js";
import { STATION_ERRORS } from "./station-errors.js";
import { STORE_ERRORS } from "./store-errors.js";
import { TARGET_ERRORS } from "./target-errors.js";
import { TOKEN_ERRORS } from "./token-errors.js";
import { TRACE_ERRORS } from "./trace-errors.js";
import { UNIT_ERRORS } from "./unit-errors.js";

export type Layer =
  | "link"
  | "transport"
  | "uds"
  | "ecu"
  | "target"
  | "vpki"
  | "kms"
  | "token"
  | "power"
  | "station"
  | "profile"
  | "config"
  | "store"
  | "program";

interface ErrorRow {
  layer: Layer;
  /** True where the same call may succeed later without anybody changing anything. */
  retryable: boolean;
  ko: string;
  en: string;
}

const row = (layer: Layer, retryable: boolean, ko: string, en: string): ErrorRow => ({ layer, retryable, ko, en });

/** Every code with its layer and its operator texts. */
export const ERRORS = {
  ...LINK_ERRORS,
  ISOTP_TIMEOUT_A: row(
    "transport",
    true,
    "프레임 송신이 확인되지 않았습니다 (N_As/N_Ar {ms} ms). 배선과 ECU 전원을 확인하고 같은 유닛을 다시 스캔하십시오.",
    "A frame was not confirmed as sent (N_As/N_Ar {ms} ms). Check the wiring and the ECU's power, then scan the same unit again.",
  ),
  ISOTP_TIMEOUT_BS: row(
    "transport",
    true,
    "ECU가 흐름 제어에 응답하지 않습니다 (N_Bs {ms} ms). 연결과 전원을 확인하고 같은 유닛을 다시 스캔하십시오.",
    "The ECU sent no flow control (N_Bs {ms} ms). Check its connection and power, then scan the same unit again.",
  ),
  ISOTP_TIMEOUT_CR: row(
    "transport",
    true,
    "ECU의 응답이 중간에 끊겼습니다 (N_Cr {ms} ms). 연결과 전원을 확인하고 같은 유닛을 다시 스캔하십시오.",
    "The ECU's answer stopped half-way (N_Cr {ms} ms). Check its connection and power, then scan the same unit again.",
  ),
  ISOTP_WRONG_SN: row(
    "transport",
    true,
    "ECU 응답의 순서가 어긋났습니다. 같은 유닛을 다시 스캔하고, 되풀이되면 배선을 확인하십시오.",
    "The ECU's answer arrived out of sequence. Scan the same unit again; if it happens again, check the wiring.",
  ),
  ISOTP_UNEXP_PDU: row(
    "transport",
    true,
    "ECU가 응답 도중에 새 메시지를 시작했습니다. 같은 유닛을 다시 스캔하고, 되풀이되면 다른 진단기가 연결되어 있는지 확인하십시오.",
    "The ECU began another message in the middle of its answer. Scan the same unit again; if it happens again, look for another tester on the bus.",
  ),
  ISOTP_INVALID_FS: row(
    "transport",
    true,
    "ECU의 흐름 제어가 잘못되었습니다. 같은 유닛을 다시 스캔하고, 되풀이되면 유닛을 격리하십시오.",
    "The ECU sent an invalid flow status. Scan the same unit again; if it happens again, set the unit aside.",
  ),
  ISOTP_WFT_OVRN: row(
    "transport",
    true,
    "ECU가 너무 오래 대기를 요청했습니다 (WAIT {count}회). ECU를 다시 켜고 같은 유닛을 다시 스캔하십시오.",
    "The ECU asked to wait too often ({count} times). Power the ECU off and on, then scan the same unit again.",
  ),
  ISOTP_BUFFER_OVFLW: row(
    "transport",
    false,
    "ECU가 메시지를 받을 수 없습니다 (버퍼 초과). 프로파일이 이 ECU의 것인지 확인하십시오.",
    "The ECU cannot take a message of this size (overflow). Check that the profile is this ECU's.",
  ),
  ISOTP_TOO_LONG: row(
    "transport",
    false,
    "메시지가 너무 깁니다: {what}. 프로파일을 확인하십시오.",
    "The message is too long: {what}. Check the profile.",
  ),
  ISOTP_BUSY: row(
    "transport",
    false,
    "전송 중에 다른 메시지가 요청되었습니다. 같은 유닛을 다시 스캔하고, 되풀이되면 관리자에게 알리십시오.",
    "A message was sent while another was still going out. Scan the same unit again; if it happens again, tell an engineer.",
  ),

  ...KLINE_ERRORS,
  UDS_TIMEOUT: row(
    "uds",
    true,
    "ECU가 응답하지 않습니다 ({service}, {timer} {ms} ms). 연결과 전원을 확인하십시오.",
    "The ECU does not answer ({service}, {timer} {ms} ms). Check its connection and power.",
  ),
  UDS_TOO_MANY_PENDING: row(
    "uds",
    true,
    "ECU가 계속 처리 중입니다 ({service}, {what}). ECU를 다시 켜고 같은 유닛을 다시 스캔하십시오.",
    "The ECU stays busy ({service}, {what}). Power the ECU off and on, then scan the same unit again.",
  ),
  UDS_NEGATIVE_RESPONSE: row(
    "uds",
    false,
    "ECU가 요청을 거부했습니다 ({service}: {nrcName}). 유닛을 격리하고 관리자에게 알리십시오.",
    "The ECU refused the request ({service}: {nrcName}). Set the unit aside and tell an engineer.",
  ),
  UDS_UNEXPECTED_RESPONSE: row(
    "uds",
    false,
    "ECU의 응답을 이해할 수 없습니다 ({service}: {what}). 프로파일이 이 ECU의 것인지 확인하십시오.",
    "The ECU's answer makes no sense ({service}: {what}). Check that the profile is this ECU's.",
  ),
  UDS_ACCESS_DENIED: row(
    "uds",
    false,
    "ECU의 보안 접근이 거부되었습니다 ({what}). 프로파일을 확인하십시오.",
    "The ECU refused security access ({what}). Check the profile.",
  ),

  ECU_WRONG_KIND: row(
    "ecu",
    false,
    "프로파일과 다른 ECU입니다: {what}. 유닛은 변경되지 않았습니다. 프로파일 또는 유닛을 바꾸십시오.",
    "This ECU is not the profile's: {what}. The unit was not changed. Choose its profile, or take the right unit.",
  ),
  ECU_ID_MISMATCH: row(
    "ecu",
    false,
    "EcuID가 지시와 다릅니다: {what}. 유닛은 변경되지 않았습니다. 지시된 유닛인지 확인하십시오.",
    "The EcuID is not the ordered one: {what}. The unit was not changed. Take the ordered unit.",
  ),
  ECU_VIN_MISMATCH: row(
    "ecu",
    false,
    "ECU의 VIN이 스캔과 다릅니다: {what}. 유닛은 변경되지 않았습니다. 유닛과 스캔을 확인하십시오.",
    "The ECU holds another VIN than scanned: {what}. The unit was not changed. Check the unit and the scan.",
  ),
  ECU_LOST_STATE: row(
    "ecu",
    false,
    "재시작 후 ECU에 저장된 내용이 다릅니다: {what}. 유닛을 격리하십시오.",
    "After its restart the ECU does not hold what it should: {what}. Set the unit aside.",
  ),

  ...TARGET_ERRORS,

  VPKI_UNREACHABLE: row(
    "vpki",
    true,
    "인증서 서버(vPKI)에 연결할 수 없습니다 ({what}). 서버를 확인한 뒤 다시 시작하십시오.",
    "The certificate server (vPKI) cannot be reached ({what}). Check it, then start again.",
  ),
  VPKI_REJECTED: row(
    "vpki",
    false,
    "인증서 서버가 요청을 거부했습니다: {status} {what}. 입력값을 확인하고 관리자에게 알리십시오.",
    "The certificate server refused the request: {status} {what}. Check the inputs and tell an engineer.",
  ),
  VPKI_CERT_INVALID: row(
    "vpki",
    false,
    "발급된 인증서가 올바르지 않습니다 ({name}: {what}). 이 인증서는 설치되지 않았습니다. 관리자에게 알리십시오.",
    "The issued certificate is not right ({name}: {what}). It was not installed. Tell an engineer.",
  ),
  VPKI_FAULT: row(
    "vpki",
    true,
    "인증서 서버에 오류가 있습니다: {what}. 잠시 후 같은 유닛을 다시 스캔하십시오.",
    "The certificate server failed: {what}. Scan the same unit again in a while.",
  ),
  PKI_UNREADABLE: row(
    "program",
    false,
    "인증서 데이터를 읽을 수 없습니다: {what}. 관리자에게 알리십시오.",
    "Names, requests or certificates cannot be read: {what}. Tell an engineer.",
  ),
  ...KMS_ERRORS,

  ...TOKEN_ERRORS,
  ...POWER_ERRORS,

  INPUT_MISSING: row(
    "station",
    false,
    "프로파일에 필요한 값이 없습니다: {what}. 유닛은 변경되지 않았습니다.",
    "An input that the profile needs is missing: {what}. The unit was not changed.",
  ),
  INPUT_INVALID: row("station", false, "입력값이 잘못되었습니다: {what}", "An input is not valid: {what}"),
  RUN_ABORTED: row(
    "station",
    false,
    "작업자가 중단했습니다. 유닛은 완성되지 않았으며 나머지는 이어서 진행됩니다.",
    "Aborted by the operator. The unit is unfinished; its next run does the rest.",
  ),
  RUN_TIMEOUT: row(
    "station",
    true,
    "단계 {step}이(가) 제한 시간 {ms} ms를 넘었습니다. 연결을 확인하고 같은 유닛을 다시 스캔하십시오.",
    "Step {step} took longer than its limit of {ms} ms. Check the connection, then scan the same unit again.",
  ),
  RUN_INTERRUPTED: row(
    "station",
    true,
    "이전 작업이 중단되었습니다: {what}. 다음 작업이 ECU에 저장된 것을 먼저 확인합니다.",
    "An earlier run was interrupted: {what}. What it left open is settled first.",
  ),
  RUN_UNDECIDED: row(
    "station",
    true,
    "중단된 작업이 있으나 그대로 이어서 진행할 수 없습니다: {what}. 유닛은 변경되지 않았습니다. 결정하십시오 (--on-interrupted 또는 스테이션의 질문): {may}.",
    "An interrupted run cannot simply go on: {what}. The unit was not touched. Decide (--on-interrupted, or the station's question): {may}.",
  ),
  ...STATION_ERRORS,
  ...PAGE_ERRORS,
  RUN_BUSY: row(
    "station",
    true,
    "이 베이에서 다른 작업이 진행 중입니다: {what}. 끝나기를 기다리십시오.",
    "Another run holds this bay: {what}. Wait until it has ended.",
  ),
  OUTBOX_PENDING: row(
    "station",
    true,
    "이전 결과가 아직 서버에 전달되지 않았습니다: {what}. 결과는 보관되어 있습니다. 키 서버(KMS)를 확인한 뒤 다시 시작하십시오.",
    "Results of an earlier run have not reached the server yet: {what}. They are kept. Check the key server (KMS), then start again.",
  ),
  OUTBOX_QUARANTINED: row(
    "station",
    false,
    "서버가 결과 보고를 거부했습니다: {what}. 관리자에게 알리십시오.",
    "The server refused a result report: {what}. Tell an engineer.",
  ),
  ...OUTBOX_ERRORS,
  ...ORDER_ERRORS,

  PROFILE_NOT_FOUND: row("profile", false, "프로파일이 없습니다: {what}", "There is no such profile: {what}"),
  PROFILE_INVALID: row("profile", false, "프로파일 오류: {what}", "Profile error: {what}"),
  PROFILE_FORBIDDEN: row(
    "profile",
    false,
    "이 스테이션에서는 이 프로파일을 쓸 수 없습니다: {what}",
    "This profile may not be used on this station: {what}",
  ),
  CONFIG_INVALID: row("config", false, "설정 오류: {what}", "Configuration error: {what}"),
  USAGE: row("program", false, "명령이 잘못되었습니다: {what}", "{what}"),
  ...UNIT_ERRORS,
  ...STORE_ERRORS,
  ...TRACE_ERRORS,
  INTERNAL: row(
    "program",
    false,
    "프로그램 오류입니다: {what}. 관리자에게 알리십시오.",
    "The program failed: {what}. Tell an engineer.",
  ),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** Values for the placeholders of the texts and for the record. Never key material. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

export interface ErrorOptions {
  details?: ErrorDetails;
  cause?: unknown;
  /** False where it came before a run began, so that its text does not speak of a record. Default: true. */
  begun?: boolean;
}

function fill(template: string, details: ErrorDetails, shown = (value: string) => value): string {
  // A server's own text may end as a sentence already.
  return template.replace(/\{(\w+)\}(\.?)/g, (_, name: string, stop: string) => {
    const value = shown(String(details[name] ?? "?"));
    return value.endsWith(".") ? value : value + stop;
  });
}

export class StationError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly #begun: boolean;

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    super(
      fill(ERRORS[code].en, options.details ?? {}),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = "StationError";
    this.code = code;
    this.details = options.details ?? {};
    this.#begun = options.begun ?? true;
  }

  get layer(): Layer {
    return ERRORS[this.code].layer;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** What happened, in English and without advice: for what is told within another error's text. */
  get fact(): string {
    const { en } = ERRORS[this.code];
    return fill(/^.*?(?=\. |\.$|$)/.exec(en)?.[0] ?? en, this.details);
  }

  /** The operator's text, `ko` and `en`: what happened, what was kept, what to do. `message` is the English one without advice. */
  get text(): { ko: string; en: string } {
    const of = (language: "ko" | "en") =>
      withAdvice(
        this.code,
        language,
        fill(ERRORS[this.code][language], this.details, language === "ko" ? koreanDetail : undefined),
        this.#begun,
      );
    return { ko: of("ko"), en: of("en") };
  }
}

export function isStationError(value: unknown, code?: ErrorCode): value is StationError {
  return value instanceof StationError && (code === undefined || value.code === code);
}

/** `value` as a StationError: itself, else INTERNAL with it as the cause. */
export function asStationError(value: unknown): StationError {
  if (value instanceof StationError) return value;
  return new StationError("INTERNAL", { details: { what: describe(value) }, cause: value });
}

/** As `asStationError`, of what came before a run began. */
export function beforeRun(value: unknown): StationError {
  const { code, details, cause } = asStationError(value);
  return new StationError(code, { details, cause, begun: false });
}

/** One line for any thrown value, without a stack. */
export function describe(value: unknown): string {
  const text = value instanceof Error ? value.message || value.name : String(value);
  return text.split("\n", 1)[0] ?? "";
}
