/** The rows of ERRORS (shared/errors) about power supplies of bays. `{what}` begins with the supply's address. */
const row = (retryable: boolean, ko: string, en: string) => ({ layer: "power", retryable, ko, en }) as const;

export const POWER_ERRORS = {
  POWER_UNREACHABLE: row(
    true,
    "전원 공급 장치가 응답하지 않습니다: {what}. 장치의 전원과 케이블을 확인하고 같은 유닛을 다시 스캔하십시오.",
    "The power supply does not answer: {what}. Check that it is on and connected, then scan the same unit again.",
  ),
  POWER_REFUSED: row(
    false,
    "전원 공급 장치가 설정대로 동작하지 않습니다: {what}. 장치를 직접 조작했는지 확인하고 관리자에게 알리십시오.",
    "The power supply does not do what it is told: {what}. Check whether somebody works at its front panel, and tell an engineer.",
  ),
  POWER_OUT_OF_RANGE: row(
    false,
    "유닛의 전압 또는 전류가 허용 범위를 벗어나 전원을 껐습니다: {what}. 배선을 확인하고, 되풀이되면 유닛을 격리하십시오.",
    "Voltage or current at the unit is out of range, it was switched off: {what}. Check the wiring; if it happens again, set the unit aside.",
  ),
  POWER_MISSING: row(
    false,
    "프로파일이 전원 재투입을 요구하지만 이 베이에는 전원 공급 장치가 설정되지 않았습니다: {what}. 유닛은 변경되지 않았습니다.",
    "The profile takes the power away and gives it back, and this bay has no power supply: {what}. The unit was not touched.",
  ),
  POWER_UNATTENDED: row(
    false,
    "이 베이의 전원은 사람이 켜고 끄지만 물어볼 사람이 없습니다: {what}. 유닛은 변경되지 않았습니다. 터미널이나 작업자 화면에서 다시 시작하십시오.",
    "A person switches this bay's power, and there is nobody to ask: {what}. The unit was not touched. Start it again at a terminal or on the operator page.",
  ),
} as const;
