/** The one question before a run is aborted: it names what comes of it. */
import type { BayView } from "../../contract/state.js";
import { Modal } from "../parts/modal.js";
import { useTexts } from "../texts/texts.js";

interface AbortQuestionProps {
  readonly bay: BayView;
  readonly open: boolean;
  readonly onAbort: () => void;
  readonly onClose: () => void;
}

export function AbortQuestion({ bay, open, onAbort, onClose }: AbortQuestionProps) {
  const { t } = useTexts();
  const unit = bay.run?.inputs.vin ?? t("unit.unknown");
  return (
    <Modal open={open} label={t("abort.title", { name: bay.name })} onClose={onClose}>
      <h2>{t("abort.title", { name: bay.name })}</h2>
      <p>{t("abort.consequence", { unit })}</p>
      <div class="actions">
        {/* The first one has the focus: a scanner's Enter does no harm. */}
        <button type="button" class="act" onClick={onClose}>
          {t("abort.no")}
        </button>
        <button type="button" class="danger" data-confirm onClick={onAbort}>
          {t("abort.yes")}
        </button>
      </div>
    </Modal>
  );
}
