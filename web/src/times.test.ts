import assert from 'node:assert/strict';
import test from 'node:test';
import { bucketOf, Clock, instantOf, isZone, offset, parseWall, shifted, wallAt, wallText, zoneNamed } from './times';

const wall = (text: string) => {
    const parsed = parseWall(text);
    assert.ok(parsed, text);
    return parsed.wall;
};
const at = (text: string) => Date.parse(text) / 1000;

test('a reading of a zone is an instant', () => {
    assert.equal(instantOf(wall('2026-11-23T14:00'), 'Europe/Kyiv'), at('2026-11-23T12:00:00Z'));
    assert.equal(instantOf(wall('2026-07-01T00:00'), 'America/New_York'), at('2026-07-01T04:00:00Z'));
    assert.equal(instantOf(wall('2026-11-23'), 'Asia/Kathmandu'), at('2026-11-22T18:15:00Z'));
});

test('a reading that stands twice is the first, or the last where an end is meant', () => {
    assert.equal(instantOf(wall('2026-10-25T02:30'), 'Europe/Berlin'), at('2026-10-25T00:30:00Z'));
    assert.equal(instantOf(wall('2026-10-25T02:30'), 'Europe/Berlin', true), at('2026-10-25T01:30:00Z'));
});

test('a reading that the clock skips is the instant of the change', () => {
    assert.equal(instantOf(wall('2026-03-29T02:30'), 'Europe/Berlin'), at('2026-03-29T01:00:00Z'));
});

test('texts that are no dates do not read', () => {
    for (const text of ['2026-02-30', '2026-11-23T24:00', '2026-11-23 14:00', '1969-12-31', '2106-01-01', '23.11.2026', ''])
        assert.equal(parseWall(text), null, text);
});

test('a month later is the same day or the month\u2019s last', () => {
    assert.equal(wallText(shifted(wall('2026-01-31'), 0, 1)), '2026-02-28T00:00');
    assert.equal(wallText(shifted(wall('2026-12-15'), 1, 1)), '2027-01-16T00:00');
});

test('buckets are those of the wall clock', () => {
    assert.deepEqual(bucketOf(at('2026-03-29T12:00:00Z'), 'day', 'Europe/Berlin'), {
        start: at('2026-03-28T23:00:00Z'),
        end: at('2026-03-29T22:00:00Z'),
    });
    assert.deepEqual(bucketOf(at('2026-11-25T12:00:00Z'), 'week', 'UTC'), {
        start: at('2026-11-23T00:00:00Z'),
        end: at('2026-11-30T00:00:00Z'),
    });
    assert.deepEqual(bucketOf(at('2026-11-25T12:00:00Z'), 'month', 'UTC'), {
        start: at('2026-11-01T00:00:00Z'),
        end: at('2026-12-01T00:00:00Z'),
    });
    assert.deepEqual(bucketOf(at('2026-11-25T12:20:00Z'), 'hour', 'Asia/Kathmandu'), {
        start: at('2026-11-25T12:15:00Z'),
        end: at('2026-11-25T13:15:00Z'),
    });
    assert.deepEqual(bucketOf(at('2026-11-25T12:20:00Z'), '15minutes', 'Asia/Kathmandu'), {
        start: at('2026-11-25T12:15:00Z'),
        end: at('2026-11-25T12:30:00Z'),
    });
});

test('zones are known by their names alone', () => {
    assert.ok(isZone('Europe/Kyiv') && isZone('UTC'));
    for (const name of ['Europe/Nowhere', '', '+02:00', '<script>', 'x'.repeat(80)]) assert.ok(!isZone(name), name);
});

test('a zone is found by its place, however it is written', () => {
    const known = [
        'UTC',
        'America/New_York',
        'America/Argentina/Buenos_Aires',
        'Asia/Calcutta',
        'Europe/Kiev',
        'Europe/Berlin',
        'Africa/Bangui',
    ];
    for (const [text, zone] of [
        ['Kolkata', 'Asia/Kolkata'],
        ['asia/kolkata', 'Asia/Kolkata'],
        [' new york ', 'America/New_York'],
        ['buenos aires', 'America/Argentina/Buenos_Aires'],
        ['Kyiv', 'Europe/Kyiv'],
        ['utc', 'UTC'],
        ['EUROPE/BERLIN', 'Europe/Berlin'],
        ['Berl', 'Europe/Berlin'],
        ['Etc/GMT+3', 'Etc/GMT+3'],
    ] as const)
        assert.equal(zoneNamed(text, known), zone, text);
    for (const text of ['', 'Mars', 'america', '+02:00', 'er']) assert.equal(zoneNamed(text, known), null, text);
});

test('the clock has 24 hours and tells its distance from UTC', () => {
    const kyiv = new Clock('Europe/Kyiv');
    assert.equal(kyiv.time(at('2026-11-23T22:05:00Z')), '00:05');
    assert.equal(kyiv.time(at('2026-11-23T12:05:00Z')), '14:05');
    assert.equal(kyiv.distance(at('2026-11-23T12:05:00Z')), 'UTC+2');
    assert.equal(new Clock('Asia/Kathmandu').distance(0), 'UTC+5:30');
    assert.equal(offset(at('2026-07-01T00:00:00Z'), 'America/New_York'), -4 * 3600);
    assert.equal(wallAt(at('2026-07-01T00:00:00Z'), 'UTC').hour, 0);
});
