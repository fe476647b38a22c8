// A chart in the page: it follows the width and the colours, and is read and zoomed by keys as by the mouse or a finger.
import type { TargetedKeyboardEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { mount, spanOf, type Chart, type ChartData, type Span } from './chart';

interface DrawingProps {
    readonly data: ChartData;
    readonly label: string;
    readonly test: string;
    readonly state?: string;
    /** The bucket that is read; null: none. */
    readonly read: number | null;
    readonly onRead: (bucket: number | null) => void;
    /** Buckets that were selected to be looked at alone. */
    readonly onZoom?: (span: Span) => void;
}

export function Drawing({ data, label, test, state = '', read, onRead, onZoom }: DrawingProps) {
    const place = useRef<HTMLDivElement>(null);
    const chart = useRef<Chart | null>(null);
    const [selected, setSelected] = useState<readonly [number, number] | null>(null);
    const latest = useRef({ data, onRead, onZoom });
    latest.current = { data, onRead, onZoom };
    const drawn = useRef(data);

    useEffect(() => {
        const element = place.current;
        if (element === null) return undefined;
        const made = mount(element, element.clientWidth, data, {
            onRead: (bucket) => latest.current.onRead(bucket),
            onSelect: (span) => latest.current.onZoom?.(span),
        });
        chart.current = made;
        const resized = new ResizeObserver(() => made.resize(element.clientWidth));
        resized.observe(element);
        // Colours are read when the chart is made.
        const again = () => made.update(latest.current.data);
        const dark = matchMedia('(prefers-color-scheme: dark)');
        dark.addEventListener('change', again);
        const themed = new MutationObserver(again);
        themed.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
        return () => {
            resized.disconnect();
            themed.disconnect();
            dark.removeEventListener('change', again);
            made.destroy();
            chart.current = null;
        };
    }, []);
    useEffect(() => {
        const before = drawn.current;
        if (before === data) return;
        drawn.current = data;
        chart.current?.update(data);
        // A live look, or marks that come later, leave what is read and selected; another window does not.
        if (before.starts[0] === data.starts[0] && before.starts.length === data.starts.length) {
            chart.current?.select(selected);
            if (read !== null) chart.current?.read(read);
        } else {
            setSelected(null);
            onRead(null);
        }
    }, [data]);
    useEffect(() => chart.current?.select(selected), [selected]);

    const key = (event: TargetedKeyboardEvent<HTMLDivElement>) => {
        const last = data.main.length - 1;
        const by = ({ ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity } as Record<string, number>)[
            event.key
        ];
        const move = (to: number | null) => {
            onRead(to);
            chart.current?.read(to);
        };
        if (by !== undefined) {
            event.preventDefault();
            const from = read ?? (by < 0 ? last + 1 : -1);
            const to = Math.min(last, Math.max(0, from + by));
            move(to);
            setSelected(event.shiftKey && onZoom !== undefined ? [selected?.[0] ?? Math.min(last, Math.max(0, from)), to] : null);
        } else if (event.key === 'Enter' && selected !== null) {
            event.preventDefault();
            onZoom?.(spanOf(data, Math.min(...selected), Math.max(...selected)));
        } else if (event.key === 'Escape' && (selected !== null || read !== null)) {
            event.preventDefault();
            setSelected(null);
            move(null);
        }
    };
    return (
        <div
            class={`chart ${state}`}
            ref={place}
            tabIndex={0}
            role="application"
            data-test={test}
            onKeyDown={key}
            onMouseLeave={() => onRead(null)}
            aria-label={`${label}. Left and right arrow read it${onZoom === undefined ? '' : ', with Shift they select, Enter zooms in'}, Escape leaves.`}
        />
    );
}
