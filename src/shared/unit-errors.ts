/** The rows of ERRORS (shared/errors) about units that the station knows. */
export const UNIT_ERRORS = {
  UNIT_SCRAPPED: {
    layer: "station",
    retryable: false,
    ko: "폐기된 유닛입니다 ({what}). ECU는 변경되지 않았습니다. 유닛을 따로 두고 관리자에게 알리십시오.",
    en: "This unit was scrapped ({what}). Nothing in it was changed. Put it aside and tell an engineer.",
  },
  UNIT_PASSED: {
    layer: "station",
    retryable: false,
    ko: "이미 합격한 유닛입니다 (작업 {run}). ECU는 변경되지 않았습니다. 다시 작업하려면 관리자에게 문의하십시오.",
    en: "This unit has passed before (run {run}). Nothing in it was changed. Ask an engineer if it is to be run again.",
  },
  UNIT_UNKNOWN: {
    layer: "station",
    retryable: false,
    ko: "기록에 유닛 {unit}이(가) 없습니다. VIN, EcuID 또는 일련번호를 확인하십시오.",
    en: "The records know no unit {unit}. Check the VIN, EcuID or serial number.",
  },
  UNIT_AMBIGUOUS: {
    layer: "station",
    retryable: false,
    ko: "{unit}에 해당하는 유닛이 여러 개입니다: {what}. EcuID로 지정하십시오.",
    en: "{unit} names several units: {what}. Name one by its EcuID.",
  },
} as const;
