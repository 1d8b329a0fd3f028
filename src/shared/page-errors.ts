/** The rows of ERRORS (shared/errors) about the operator page: scans that were not taken, and requests that were refused. */
const row = (retryable: boolean, ko: string, en: string) => ({ layer: "station", retryable, ko, en }) as const;

export const PAGE_ERRORS = {
  SCAN_UNKNOWN: row(
    false,
    "스캔한 값을 알 수 없습니다: {what}. 유닛은 변경되지 않았습니다. 필요한 라벨을 스캔하십시오.",
    "What was scanned is not known here: {what}. No unit was touched. Scan the label that is asked for.",
  ),
  SCAN_REPEATED: row(
    false,
    "이미 읽은 값입니다: {what}. 다음 라벨을 스캔하거나 읽은 값을 지우십시오.",
    "This was read already: {what}. Scan the next label, or clear what was read.",
  ),
  SCAN_CHECK_DIGIT: row(
    false,
    "차대번호의 검사 숫자가 맞지 않습니다: {what}. 유닛은 변경되지 않았습니다. 라벨을 다시 스캔하십시오.",
    "The VIN's check digit is wrong: {what}. No unit was touched. Scan the label again.",
  ),
  SCAN_NO_PROFILE: row(
    false,
    "스캔한 값에 맞는 프로파일이 없습니다: {what}. 프로파일을 직접 고르거나 설정의 page.rules를 확인하십시오.",
    "No profile goes with what was scanned: {what}. Choose one by hand, or check page.rules of the configuration.",
  ),
  SCAN_TOO_EARLY: row(
    true,
    "아직 시작할 수 없습니다: {what}. 빠진 값을 스캔하십시오.",
    "It cannot begin yet: {what}. Scan what is missing.",
  ),
  PAGE_NOT_NOW: row(
    true,
    "지금은 할 수 없습니다: {what}. 화면의 상태를 확인하십시오.",
    "This cannot be done now: {what}. Look at what the page shows.",
  ),
  PAGE_REQUEST_INVALID: row(
    false,
    "요청이 잘못되었습니다: {what}. 화면을 새로 고치십시오.",
    "The request is not in order: {what}. Load the page again.",
  ),
  PAGE_NOT_FOUND: row(false, "찾을 수 없습니다: {what}.", "There is no such thing: {what}."),
  PAGE_SIGN_IN: row(
    false,
    "로그인이 필요합니다. 사원증을 스캔하거나 이름과 PIN을 입력하십시오.",
    "Nobody is signed in. Scan your badge, or type your name and PIN.",
  ),
  PAGE_ROLE: row(
    false,
    "이 작업에는 {role} 권한이 필요합니다. 권한이 있는 사람에게 요청하십시오.",
    "This takes the role {role}. Ask somebody who has it.",
  ),
  PAGE_TOKEN: row(
    true,
    "로그인 세션이 끝났습니다. 화면을 새로 고치십시오. 진행 중인 작업은 계속됩니다.",
    "The page's session has ended. Load the page again; runs go on.",
  ),
  PAGE_PIN_WRONG: row(
    false,
    "이름, PIN 또는 사원증이 맞지 않거나 잠긴 사용자입니다. 다시 시도하거나 관리자에게 문의하십시오.",
    "Name, PIN or badge is wrong, or locked. Try again, or ask an admin.",
  ),
  PAGE_LOCKED: row(
    true,
    "잘못된 PIN이 너무 많습니다. {seconds}초 뒤에 다시 시도하십시오.",
    "Too many wrong PINs. Try again in {seconds} s.",
  ),
  PAGE_BUSY: row(
    true,
    "화면 서버가 바쁩니다. 잠시 뒤에 다시 시도하십시오.",
    "The page's server is busy. Try again in a moment.",
  ),
} as const;
