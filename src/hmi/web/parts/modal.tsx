/**
 * A dialogue over the page: it holds the focus, and Esc or its end gives it back. All behind it is out of reach, for screen readers too, so
 * that it says itself when the station is silent.
 */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Stale } from "../stale.js";

interface ModalProps {
  readonly open: boolean;
  readonly label: string;
  readonly kind?: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Modal({ open, label, kind, onClose, children }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const closedHere = useRef(0);
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element === null) return;
    if (open && !element.open) element.showModal();
    if (!open && element.open) {
      closedHere.current += 1;
      element.close();
    }
  }, [open]);
  const onCancel = (event: Event) => {
    event.preventDefault();
    onClose();
  };
  // The event comes late: after a close of our own the next question may have been asked. The browser closes by itself at a second Esc.
  const onClosed = () => {
    if (closedHere.current > 0) closedHere.current -= 1;
    else onClose();
  };
  return (
    <dialog ref={dialog} class={kind ?? "question"} aria-label={label} onCancel={onCancel} onClose={onClosed}>
      {open ? (
        <>
          <Stale />
          {children}
        </>
      ) : null}
    </dialog>
  );
}
