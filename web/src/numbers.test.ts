import assert from 'node:assert/strict';
import test from 'node:test';
import { bytes, exact, position, signsOf, written } from './numbers';

const english = signsOf('en-GB');

test('digits of any length stay exact', () => {
    assert.equal(written('123456789012345678901234.567800', english), '123,456,789,012,345,678,901,234.567800');
});

test('locales group as their readers do', () => {
    assert.equal(written('1234567.5', signsOf('de-DE')), '1.234.567,5');
    assert.equal(written('1234567', signsOf('en-IN')), '12,34,567');
    assert.equal(written('1234567.25', signsOf('uk-UA')), '1\u202f234\u202f567,25');
});

test('four digits are grouped only where the locale groups them', () => {
    assert.equal(written('1234', english), '1,234');
    assert.equal(written('1234', signsOf('pl-PL')), '1234');
    assert.equal(written('12345', signsOf('pl-PL')), '12\u202f345');
});

test('decimals are padded and never cut', () => {
    assert.equal(written('85.0', english, 2), '85.00');
    assert.equal(written('0.123456', english, 2), '0.123456');
    assert.equal(written('-3.21', english), '\u22123.21');
});

test('what is no decimal is left as it is', () => {
    assert.equal(written('n/a', english), 'n/a');
});

test('nothing has neither text nor place', () => {
    assert.equal(exact(null), null);
    assert.equal(position(null), null);
    assert.equal(position(''), null);
    assert.equal(position('61.77'), 61.77);
});

test('bytes have a unit of their size', () => {
    assert.equal(bytes(999, english), '999 B');
    assert.equal(bytes(203_400_000, english), '203 MB');
    assert.equal(bytes(1_250, english), '1.3 kB');
});
