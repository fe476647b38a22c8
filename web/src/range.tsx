// Controls of the window: ranges that move with the clock, one of its own, and steps.
import { useState } from 'preact/hooks';
import { useShared } from './context';
import { parseWall, wallAt, wallText } from './times';
import { Choice, Field, Icon, Menu, Select } from './ui';
import type { Range, View } from './view';
import { stepped, windowOf } from './window';

const RANGE_LABELS: Readonly<Record<Range, string>> = { '24h': '24 h', '7d': '7 d', '28d': '28 d', month: 'Month', own: 'Own' };

function setRange(view: View, zone: string, now: number, range: Range): Partial<View> {
    if (range !== 'own') return { range, from: '', to: '', sampling: null, compare: null };
    const window = windowOf(view, zone, now);
    return { range, from: window.from, to: window.to };
}

export function RangeButtons() {
    const { scene, go, now } = useShared();
    const { view, zone } = scene;
    const ranges: Exclude<Range, 'own'>[] = ['24h', '7d', '28d', 'month'];
    return (
        <div class="group" role="group" aria-label="Range">
            {ranges.map((range) => (
                <Choice
                    key={range}
                    label={RANGE_LABELS[range]}
                    test={`range-${range}`}
                    pressed={view.range === range}
                    title={TITLES[range]}
                    onClick={() => go(setRange(view, zone, now, range))}
                />
            ))}
            <Menu
                label={<span>{RANGE_LABELS.own}</span>}
                name="A range of your own"
                test="range-own"
                className={view.range === 'own' ? 'pressed' : ''}
            >
                {(close) => <OwnRange onDone={close} />}
            </Menu>
        </div>
    );
}
const TITLES: Readonly<Record<Exclude<Range, 'own'>, string>> = {
    '24h': 'The last 24 hours',
    '7d': 'Today and the six days before',
    '28d': 'Today and the 27 days before',
    month: 'This month',
};

export function RangeSelect() {
    const { scene, go, now } = useShared();
    return (
        <Select
            name="Range"
            test="range"
            value={scene.view.range}
            options={(['24h', '7d', '28d', 'month', 'own'] as const).map((range) => [range, RANGE_LABELS[range]] as const)}
            onChange={(range) => go(setRange(scene.view, scene.zone, now, range))}
        />
    );
}

/** First and last minute by the zone's wall clock. */
function OwnRange({ onDone }: { onDone: () => void }) {
    const { scene, go } = useShared();
    const { zone, window } = scene;
    const at = (instant: number) => wallText({ ...wallAt(instant, zone), second: 0 }).split('T') as [string, string];
    const [first, last] = [at(window.start), at(window.end - 1)];
    const [from, setFrom] = useState(first);
    const [to, setTo] = useState(last);
    const [problem, setProblem] = useState('');
    const apply = (event: Event) => {
        event.preventDefault();
        const ends = [from, to].map(([date, time]) => `${date}T${time.padStart(5, '0')}`) as [string, string];
        if (ends.some((end) => parseWall(end) === null))
            return setProblem('Both ends have to be dates between 1970 and 2105, with times such as 08:30.');
        if (ends[1] < ends[0]) return setProblem('The end is before the beginning.');
        // Whole minutes: the last one is in, and midnight to 23:59 is a whole day.
        const isDays = ends[0].endsWith('T00:00') && ends[1].endsWith('T23:59');
        go({ range: 'own', from: isDays ? from[0] : ends[0], to: isDays ? to[0] : `${ends[1]}:59`, sampling: null, compare: null });
        return onDone();
    };
    const end = (label: string, test: string, [date, time]: [string, string], set: (value: [string, string]) => void) => (
        <div class="ends">
            <Field
                label={label}
                test={`${test}-date`}
                value={date}
                onValue={(text) => set([text, time])}
                of={{ type: 'date', required: true }}
            />
            <Field
                label="Time"
                test={`${test}-time`}
                value={time}
                onValue={(text) => set([date, text])}
                of={{ required: true, inputMode: 'numeric', pattern: '[0-2]?[0-9]:[0-5][0-9]', maxLength: 5 }}
            />
        </div>
    );
    return (
        <form class="form" onSubmit={apply}>
            {end('From', 'own-from', from, setFrom)}
            {end('To, inclusive', 'own-to', to, setTo)}
            <p class="soft">By the clocks of {zone}.</p>
            {problem !== '' && (
                <p class="bad" role="alert">
                    {problem}
                </p>
            )}
            <button type="submit" class="button primary" data-test="own-apply">
                Show
            </button>
        </form>
    );
}

export function Steps() {
    const { scene, go, now, isPhone } = useShared();
    const { view, zone } = scene;
    const step = (by: -1 | 1) => {
        const next = stepped(view, zone, now, by);
        if (next !== null) go(next);
    };
    const canGo = !scene.window.moves && stepped(view, zone, now, 1) !== null;
    return (
        <div class="group" role="group" aria-label="Step">
            <button type="button" class="button" aria-label="Earlier" title="Earlier ([)" data-test="step-back" onClick={() => step(-1)}>
                <Icon name="left" />
            </button>
            <button
                type="button"
                class="button"
                aria-label="Later"
                title="Later (])"
                data-test="step-on"
                disabled={!canGo}
                onClick={() => step(1)}
            >
                <Icon name="right" />
            </button>
            {isPhone && view.range === 'own' && (
                <Menu label="Own" name="A range of your own" test="range-own">
                    {(close) => <OwnRange onDone={close} />}
                </Menu>
            )}
        </div>
    );
}

export function WindowText() {
    const { scene, clock } = useShared();
    const { start, end, moves } = scene.window;
    const last = moves ? end : end - 1;
    const isDays = clock.time(start) === '00:00' && (moves || clock.time(end) === '00:00');
    const text = moves
        ? `${isDays ? clock.date(start) : clock.full(start)} – now`
        : isDays
          ? clock.date(start) === clock.date(last)
              ? clock.date(start)
              : `${clock.date(start)} – ${clock.date(last)}`
          : clock.date(start) === clock.date(last)
            ? `${clock.date(start)}, ${clock.time(start)}–${clock.time(end)}`
            : `${clock.full(start)} – ${clock.full(end)}`;
    return (
        <span class="window" data-test="window">
            {text}
        </span>
    );
}
