// Small parts that all views share.
import type { ComponentChildren, JSX, TargetedMouseEvent } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Icons as paths of a 20 px grid. */
const PATHS = {
    left: 'M12.5 4 6.5 10l6 6',
    right: 'm7.5 4 6 6-6 6',
    down: 'm5 8 5 5 5-5',
    close: 'm5 5 10 10M15 5 5 15',
    filter: 'M3 4.5h14l-5.3 6.2v5L8.3 17v-6.3z',
    download: 'M10 3v9m-4-3.5 4 4 4-4M3.5 16.5h13',
    help: 'M7.5 7.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8m0 2.5v.1',
    sun: 'M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 2v1.5m0 13V18M2 10h1.5m13 0H18M4.4 4.4l1 1m9.2 9.2 1 1m0-11.2-1 1M5.4 14.6l-1 1',
    moon: 'M16.5 12A7 7 0 0 1 8 3.5a7 7 0 1 0 8.5 8.5',
    auto: 'M10 3a7 7 0 1 0 0 14zm0 0a7 7 0 0 1 0 14',
    menu: 'M3 5.5h14M3 10h14M3 14.5h14',
    out: 'M8 3.5H4v13h4m5-10 3.5 3.5-3.5 3.5M16 10H8',
    table: 'M3 4h14v12H3zM3 8h14M3 12h14M8 4v12',
    alert: 'M10 3 18 16.5H2zM10 8v4m0 2v.2',
    link: 'M8.5 11.5a3 3 0 0 0 4.2 0l2.8-2.8a3 3 0 0 0-4.2-4.2l-1 1m1.2 3a3 3 0 0 0-4.2 0l-2.8 2.8a3 3 0 0 0 4.2 4.2l1-1',
    check: 'm4 10.5 4 4 8-9',
    back: 'M8 5 3.5 9.5 8 14M4 9.5h8a4.5 4.5 0 0 1 4.5 4.5v2',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
    return (
        <svg class="icon" viewBox="0 0 20 20" width="16" height="16" aria-hidden="true">
            <path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" />
        </svg>
    );
}

interface MenuProps {
    readonly label: ComponentChildren;
    readonly name: string;
    readonly title?: string;
    readonly test: string;
    readonly align?: 'start' | 'end';
    readonly className?: string;
    readonly children: (close: () => void) => ComponentChildren;
}

/** A button that opens a box under itself. Escape and a click elsewhere close it. */
export function Menu({ label, name, title, test, align = 'start', className = '', children }: MenuProps) {
    const [isOpen, setOpen] = useState(false);
    const root = useRef<HTMLDivElement>(null);
    const button = useRef<HTMLButtonElement>(null);
    const id = useId();
    const close = () => {
        setOpen(false);
        button.current?.focus();
    };
    // Before the box is seen: a key may follow the one that opened it at once.
    useLayoutEffect(() => {
        if (!isOpen) return undefined;
        const outside = (event: Event) => {
            if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false);
        };
        const key = (event: KeyboardEvent) => {
            if (event.key !== 'Escape') return;
            // A dialog around it stays open.
            event.preventDefault();
            event.stopPropagation();
            close();
        };
        document.addEventListener('pointerdown', outside);
        document.addEventListener('focusin', outside);
        document.addEventListener('keydown', key, true);
        root.current?.querySelector<HTMLElement>('.menu-box :is(input,select,a,button)')?.focus();
        return () => {
            document.removeEventListener('pointerdown', outside);
            document.removeEventListener('focusin', outside);
            document.removeEventListener('keydown', key, true);
        };
    }, [isOpen]);
    return (
        <div class={`menu ${className}`} ref={root}>
            <button
                type="button"
                ref={button}
                class="button"
                aria-expanded={isOpen}
                aria-controls={id}
                title={title ?? name}
                data-test={test}
                onClick={() => setOpen(!isOpen)}
            >
                {label}
            </button>
            {isOpen && (
                <div class={`menu-box ${align}`} id={id} role="group" aria-label={name}>
                    {children(close)}
                </div>
            )}
        </div>
    );
}

interface SelectProps<T extends string> {
    readonly name: string;
    readonly value: T;
    readonly options: readonly (readonly [T, string])[];
    readonly test: string;
    readonly onChange: (value: T) => void;
    readonly className?: string;
}

export function Select<T extends string>({ name, value, options, test, onChange, className = '' }: SelectProps<T>) {
    return (
        <select
            class={`select ${className}`}
            aria-label={name}
            title={name}
            data-test={test}
            value={value}
            onChange={(event) => {
                const chosen = options.find(([option]) => option === event.currentTarget.value);
                if (chosen) onChange(chosen[0]);
            }}
        >
            {options.map(([option, label]) => (
                <option key={option} value={option} selected={option === value}>
                    {label}
                </option>
            ))}
        </select>
    );
}

interface FieldProps {
    readonly label: ComponentChildren;
    readonly value: string;
    readonly test: string;
    readonly onValue: (value: string) => void;
    /** Further attributes of the input. */
    readonly of?: JSX.IntrinsicElements['input'];
}

/** An input under its label. */
export function Field({ label, value, test, onValue, of }: FieldProps) {
    return (
        <label class="field">
            {label}
            <input
                class="input"
                maxLength={1024}
                value={value}
                data-test={test}
                onInput={(event) => onValue(event.currentTarget.value)}
                {...of}
            />
        </label>
    );
}

interface ChoiceProps {
    readonly label: ComponentChildren;
    readonly test: string;
    readonly pressed?: boolean;
    readonly disabled?: boolean;
    readonly className?: string;
    readonly title?: string;
    readonly onClick: () => void;
}

/** A button; one that has two states says which. */
export function Choice({ label, test, pressed, disabled = false, className = 'button', title, onClick }: ChoiceProps) {
    return (
        <button type="button" class={className} aria-pressed={pressed} disabled={disabled} title={title} data-test={test} onClick={onClick}>
            {label}
        </button>
    );
}

interface DialogProps {
    readonly title: string;
    readonly test: string;
    readonly className?: string;
    readonly onClose: () => void;
    readonly children: ComponentChildren;
}

/** A dialog over the page; the browser keeps the focus in it and closes it by Escape. */
export function Dialog({ title, test, className = '', onClose, children }: DialogProps) {
    const dialog = useRef<HTMLDialogElement>(null);
    const id = useId();
    // Before the box is seen: Escape may follow the click that opened it at once.
    useLayoutEffect(() => {
        const box = dialog.current;
        if (box !== null && !box.open) box.showModal();
    }, []);
    const outside = (event: TargetedMouseEvent<HTMLDialogElement>) => {
        if (event.target === dialog.current) dialog.current?.close();
    };
    return (
        <dialog ref={dialog} class={`dialog ${className}`} aria-labelledby={id} data-test={test} onClose={onClose} onClick={outside}>
            <div class="dialog-in">
                <div class="dialog-head">
                    <h2 id={id}>{title}</h2>
                    <button
                        type="button"
                        class="button plain"
                        aria-label="Close"
                        data-test={`${test}-close`}
                        onClick={() => dialog.current?.close()}
                    >
                        <Icon name="close" />
                    </button>
                </div>
                {children}
            </div>
        </dialog>
    );
}

/** Copies a text, and says so. */
export function Copy({ text, label, test }: { text: string; label: string; test: string }) {
    const [done, setDone] = useState<'no' | 'yes' | 'failed'>('no');
    useEffect(() => {
        if (done === 'no') return undefined;
        const timer = setTimeout(() => setDone('no'), 2000);
        return () => clearTimeout(timer);
    }, [done]);
    const copy = () => {
        // Only pages over HTTPS or of this machine have a clipboard.
        const clipboard = navigator.clipboard as Clipboard | undefined;
        if (clipboard === undefined) return setDone('failed');
        clipboard.writeText(text).then(
            () => setDone('yes'),
            () => setDone('failed'),
        );
        return undefined;
    };
    return (
        <button type="button" class="button small" data-test={test} onClick={copy}>
            {done === 'yes' ? 'Copied' : done === 'failed' ? 'Select and copy by hand' : label}
        </button>
    );
}
