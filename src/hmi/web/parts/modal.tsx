/** A dialogue over the page: it holds the focus, and Esc or its end gives it back. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface ModalProps {
  readonly open: boolean;
  readonly label: string;
  readonly kind?: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Modal({ open, label, kind, onClose, children }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (element === null) return;
    if (open && !element.open) element.showModal();
    if (!open && element.open) element.close();
  }, [open]);
  // The browser closes nothing by itself, and says late that the last one was closed: another may be open by then.
  const onCancel = (event: Event) => {
    event.preventDefault();
    onClose();
  };
  const onClosed = () => {
    if (dialog.current?.open === false) onClose();
  };
  return (
    <dialog ref={dialog} class={kind ?? "question"} aria-label={label} onCancel={onCancel} onClose={onClosed}>
      {open ? children : null}
    </dialog>
  );
}
