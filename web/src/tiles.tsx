// Tiles: the window's figures with their change; each sets the chart's measure.
import { tilesOf, type Measure } from './catalog';
import type { Table } from './api';
import { useShared } from './context';
import { exact, position, type Cell } from './numbers';
import { bare, change, tone, unit } from './show';

interface TilesProps {
    readonly table: Table | null;
    readonly state: '' | 'pale' | 'loading';
    /** On a phone the first are above the chart, and the rest below it. */
    readonly part?: 'all' | 'first' | 'rest';
}

/** Tiles above the chart on a phone: two rows. */
const FIRST = 4;

export function Tiles({ table, state, part = 'all' }: TilesProps) {
    const { scene } = useShared();
    const all = tilesOf(scene.catalog, scene.view).filter((measure) => !scene.without.has(measure.name));
    const measures = part === 'all' ? all : part === 'first' ? all.slice(0, FIRST) : all.slice(FIRST);
    return (
        <section
            class={`tiles ${state}`}
            aria-label={part === 'rest' ? 'Further figures of the window' : 'Figures of the window'}
            aria-busy={state === 'loading'}
            data-test={part === 'rest' ? 'tiles-rest' : 'tiles'}
        >
            {measures.map((measure) => (
                <Tile key={measure.name} measure={measure} table={table} />
            ))}
        </section>
    );
}

function Tile({ measure, table }: { measure: Measure; table: Table | null }) {
    const { scene, signs, clock, go } = useShared();
    const { name, label } = measure;
    const cell = table?.totals[name];
    const at = (column: string) => table?.totals[column];
    // The name of a currency is longer than the sum, and a long number leaves no room.
    const isAside = unit(measure).includes('currency') || (exact(cell)?.length ?? 0) > 8;
    const isChosen = scene.view.measure === name && scene.view.page === 'traffic';
    const isCompared = scene.compare !== 'none' && table !== null && table.compare !== null;
    return (
        <button
            type="button"
            class="tile"
            aria-pressed={isChosen}
            title={`${measure.definition} Show it in the chart.`}
            data-test={`tile-${name}`}
            data-value={String(cell ?? '')}
            onClick={() => go({ measure: name, page: 'traffic' })}
        >
            <span class="tile-label">
                {label} <small>{isAside ? unit(measure) : ''}</small>
            </span>
            <span class={`tile-value ${(exact(cell)?.length ?? 0) > 10 ? 'long longest' : (exact(cell)?.length ?? 0) > 7 ? 'long' : ''}`}>
                {table === null ? (
                    '\u00a0'
                ) : (
                    <>
                        {bare(measure, cell, signs, clock)}
                        {exact(cell) !== null && unit(measure) !== '' && !isAside && (
                            <small>
                                {'\u202f'}
                                {unit(measure)}
                            </small>
                        )}
                    </>
                )}
            </span>
            <span
                class={`tile-change ${isCompared ? tone(measure, at) : ''}`}
                data-test={`tile-${name}-change`}
                data-value={String((isCompared ? at(`${name}_change`) : null) ?? '')}
            >
                {isCompared ? (
                    <>
                        <span>{change(measure, at, signs)}</span> <i>was {bare(measure, table.totals[`${name}_before`], signs, clock)}</i>
                    </>
                ) : (
                    '\u00a0'
                )}
            </span>
            <Spark values={table?.data[name]} />
        </button>
    );
}

/** The course of a measure, without axes. */
function Spark({ values }: { values: readonly Cell[] | undefined }) {
    const points = (values ?? []).map(position);
    const known = points.filter((value): value is number => value !== null);
    if (known.length < 3) return <svg class="spark" viewBox="0 0 100 20" aria-hidden="true" />;
    const [low, high] = [Math.min(...known), Math.max(...known)];
    let path = '';
    let isDown = false;
    points.forEach((value, index) => {
        if (value === null) return void (isDown = false);
        const x = (index / (points.length - 1)) * 100;
        const y = high === low ? 10 : 18.5 - ((value - low) / (high - low)) * 17;
        path += `${isDown ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
        isDown = true;
    });
    return (
        <svg class="spark" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">
            <path d={path} fill="none" stroke="currentColor" stroke-width="1.3" vector-effect="non-scaling-stroke" />
        </svg>
    );
}
