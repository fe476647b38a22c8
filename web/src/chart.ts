// The chart: everything that knows uPlot. Another library could take its place behind `mount`.
import uPlot from 'uplot';

export interface Span {
    readonly start: number;
    readonly end: number;
}

export interface ChartData {
    /** Starts of the buckets, and as the last one the end of all. */
    readonly starts: readonly number[];
    /** One value a bucket. */
    readonly main: readonly (number | null)[];
    readonly before: readonly (number | null)[] | null;
    readonly second: readonly (number | null)[] | null;
    readonly marks: readonly Span[];
    /** The first second of the buckets that are still growing. */
    readonly growing: number | null;
    readonly zone: string;
    /** Percent: the axis ends at 100. */
    readonly isPercent: boolean;
    readonly tick: (value: number) => string;
    readonly time: (instant: number, step: number) => string;
}

export interface ChartEvents {
    readonly onRead: (bucket: number | null) => void;
    /** A span of whole buckets that was dragged over, in the chart that was under the mouse or the finger. */
    readonly onSelect: (span: Span) => void;
}

export interface Chart {
    update(data: ChartData): void;
    resize(width: number): void;
    read(bucket: number | null): void;
    select(span: readonly [number, number] | null): void;
    destroy(): void;
}

const HEIGHT = 260;
/** Pixels that a press moves at least to be a drag; fingers are never quite still. */
const LEAST_DRAG = 8;

/** A colour of the stylesheet. */
function colour(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Draws into an element, which has to be empty. */
export function mount(place: HTMLElement, width: number, first: ChartData, events: ChartEvents): Chart {
    let data = first;
    let plot = make();
    // Where the mouse or the finger went down, and whether it has moved far enough to select. New data would take the chart from
    // under a drag that goes on, so it waits for the drag's end.
    let down: number | null = null;
    let isWide = false;
    let waiting: ChartData | null = null;
    const drags = { pointerdown: begin, pointermove: drag, pointerup: drop, pointercancel: drop } as const;
    const names = Object.keys(drags) as (keyof typeof drags)[];
    for (const name of names) place.addEventListener(name, drags[name]);

    /** Pixels from the left of the plot, within it. */
    function within({ clientX }: PointerEvent): number {
        const { left: from, width: wide } = plot.over.getBoundingClientRect();
        return Math.max(0, Math.min(wide, clientX - from));
    }

    function mark(from: number, to: number): void {
        const box = { left: Math.min(from, to), top: 0, width: Math.abs(to - from), height: plot.over.clientHeight };
        plot.setSelect(box, false);
    }

    function begin(event: PointerEvent): void {
        if (!event.isPrimary || event.button !== 0) return;
        place.setPointerCapture(event.pointerId);
        down = within(event);
        isWide = false;
    }

    function drag(event: PointerEvent): void {
        if (down === null || !event.isPrimary) return;
        const at = within(event);
        isWide ||= Math.abs(at - down) >= LEAST_DRAG;
        if (!isWide) return;
        mark(down, at);
        plot.setCursor({ left: at, top: 20 });
    }

    /** The drag is over, or the browser has taken it for a scroll of the page. */
    function drop(event: PointerEvent): void {
        if (down === null || !event.isPrimary) return;
        const ends = [down, within(event)].sort((a, b) => a - b) as [number, number];
        down = null;
        if (isWide) mark(0, 0);
        if (event.type === 'pointercancel') plot.setCursor({ left: -10, top: -10 });
        else if (isWide) events.onSelect(spanOf(data, bucketAt(plot, ends[0]), bucketAt(plot, ends[1] - 1)));
        if (waiting !== null) replace(waiting);
    }

    /** Axes and colours stand in the options, so a new chart is made; it takes a millisecond or two. */
    function replace(next: ChartData): void {
        data = next;
        waiting = null;
        plot.destroy();
        plot = make();
    }

    /** A value holds until its bucket ends, so the last one is drawn once more there. */
    function columns(): uPlot.AlignedData {
        const to = (values: readonly (number | null)[] | null) => (values === null ? values : [...values, values.at(-1) ?? null]);
        const none = data.starts.map(() => null);
        return [[...data.starts], to(data.before) ?? none, to(data.main) ?? none, to(data.second) ?? none];
    }

    function make(): uPlot {
        const [ink, grid, soft] = [colour('--ink-3'), colour('--line'), colour('--accent-soft')];
        const path = { paths: steps };
        const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: `11px ${FONT}`, gap: 6 };
        const range = (_: uPlot, low: number | null, high: number | null): [number, number] => {
            if (data.isPercent) return [0, 100];
            const top = Math.max(high ?? 0, 0);
            const bottom = Math.min(low ?? 0, 0);
            return [bottom === 0 ? 0 : bottom * 1.08, top === 0 && bottom === 0 ? 1 : top * 1.08];
        };
        return new uPlot(
            {
                width,
                height: HEIGHT,
                legend: { show: false },
                // The last label of the axis stands half beside the plot; on the right an axis has room for it.
                padding: [10, data.second ? 0 : 28, 0, 0],
                tzDate: (instant) => uPlot.tzDate(new Date(instant * 1000), data.zone),
                cursor: {
                    y: false,
                    points: { show: false },
                    drag: { x: false, y: false },
                    bind: { dblclick: () => null },
                },
                scales: { x: { time: true }, y: { range }, percent: { range: () => [0, 100] } },
                axes: [
                    { ...axis, size: 30, space: 76, values: (_, splits, __, ___, step) => splits.map((at) => data.time(at, step)) },
                    { ...axis, size: 52, values: (_, splits) => splits.map((value) => data.tick(value)) },
                    {
                        ...axis,
                        scale: 'percent',
                        side: 1,
                        size: 44,
                        grid: { show: false },
                        show: data.second !== null,
                        stroke: colour('--second'),
                        values: (_, splits) => splits.map((value) => `${value} %`),
                    },
                ],
                series: [
                    {},
                    { stroke: colour('--ink-3'), width: 1.25, dash: [5, 4], points: { show: false }, ...path },
                    { stroke: colour('--accent'), fill: soft, width: 1.75, points: { show: false }, ...path },
                    { scale: 'percent', stroke: colour('--second'), width: 1.5, points: { show: false }, ...path },
                ],
                hooks: {
                    drawAxes: [(self) => shade(self)],
                    setCursor: [
                        (self) => {
                            const index = self.cursor.left === undefined || self.cursor.left < 0 ? null : bucketAt(self, self.cursor.left);
                            events.onRead(index);
                        },
                    ],
                },
            },
            columns(),
            place,
        );
    }

    /** The bucket under a pixel: the last one that begins before it. */
    function bucketAt(self: uPlot, left: number): number {
        const at = self.posToVal(left, 'x');
        let [low, high] = [0, data.starts.length - 1];
        while (high - low > 1) {
            const middle = (low + high) >> 1;
            if ((data.starts[middle] ?? 0) <= at) low = middle;
            else high = middle;
        }
        return low;
    }

    /** Bands behind the lines: incidents, and buckets that are not over. */
    function shade(self: uPlot): void {
        const { ctx, bbox } = self;
        const band = (from: number, to: number, fill: string, edge: string | null) => {
            const left = Math.max(bbox.left, self.valToPos(from, 'x', true));
            const right = Math.min(bbox.left + bbox.width, self.valToPos(to, 'x', true));
            if (right <= left) return;
            ctx.fillStyle = fill;
            const wide = Math.max(right - left, 3);
            ctx.fillRect(left, bbox.top, wide, bbox.height);
            if (edge === null) return;
            ctx.fillStyle = edge;
            ctx.fillRect(left, bbox.top, wide, 3 * devicePixelRatio);
        };
        ctx.save();
        const end = data.starts.at(-1) ?? 0;
        if (data.growing !== null) band(data.growing, end, colour('--growing'), null);
        for (const mark of data.marks) band(mark.start, mark.end, colour('--bad-soft'), colour('--bad'));
        ctx.restore();
    }

    function left(bucket: number): number {
        const [start, end] = [data.starts[bucket] ?? 0, data.starts[bucket + 1] ?? 0];
        return plot.valToPos((start + end) / 2, 'x');
    }

    return {
        update(next) {
            if (down !== null) waiting = next;
            else replace(next);
        },
        resize(next) {
            if (next !== width) plot.setSize({ width: next, height: HEIGHT });
            width = next;
        },
        read(bucket) {
            if (bucket === null) plot.setCursor({ left: -10, top: -10 }, false);
            else plot.setCursor({ left: left(bucket), top: 20 }, false);
        },
        select(span) {
            if (down !== null) return;
            if (span === null) return mark(0, 0);
            const { start, end } = spanOf(data, Math.min(...span), Math.max(...span));
            mark(plot.valToPos(start, 'x'), plot.valToPos(end, 'x'));
        },
        destroy() {
            for (const name of names) place.removeEventListener(name, drags[name]);
            plot.destroy();
        },
    };
}

/** From the start of one bucket to the end of another, or of the same. */
export function spanOf(data: ChartData, first: number, last: number): Span {
    return { start: data.starts[first] ?? 0, end: data.starts[last + 1] ?? 0 };
}

/** Buckets as steps: each value holds from its bucket's start to the next one's, and a bucket without one is a gap. */
function steps(self: uPlot, series: number): uPlot.Series.Paths {
    const [times, values] = [self.data[0], self.data[series]];
    const scale = self.series[series]?.scale ?? 'y';
    const [stroke, fill] = [new Path2D(), new Path2D()];
    const zero = self.valToPos(Math.max(0, self.scales[scale]?.min ?? 0), scale, true);
    let isDown = false;
    for (let index = 0; index + 1 < times.length; index += 1) {
        const value = values?.[index];
        if (value === null || value === undefined) {
            isDown = false;
            continue;
        }
        const [from, to] = [times[index] ?? 0, times[index + 1] ?? 0].map((time) => Math.round(self.valToPos(time, 'x', true))) as [
            number,
            number,
        ];
        const at = self.valToPos(value, scale, true);
        if (isDown) stroke.lineTo(from, at);
        else stroke.moveTo(from, at);
        stroke.lineTo(to, at);
        fill.rect(from, Math.min(at, zero), to - from, Math.abs(zero - at));
        isDown = true;
    }
    return { stroke, fill: self.series[series]?.fill === undefined ? null : fill };
}

const FONT = 'system-ui, sans-serif';
