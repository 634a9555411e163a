import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MOST_SOAP, parseAction } from '../../src/dlna/soap.ts';
import { escapeXml, parseXml } from '../../src/dlna/xml.ts';

/** What control points send, in pieces that fuzzing puts together in any order. */
const PIECES = [
  '<a>',
  '</a>',
  '<b x="1">',
  '</b>',
  '<c/>',
  'text',
  '&amp;',
  '&#65;',
  '&',
  '<',
  '>',
  '"',
  '<!--',
  '-->',
];
const MORE = ['<![CDATA[', ']]>', '<?xml ', '?>', '<!DOCTYPE a [', ']>', '&#x110000;', '\0', '\uD800', ' ', '\uFEFF'];

const BROWSE = `<?xml version="1.0"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle='http://schemas.xmlsoap.org/soap/encoding/'>
<!-- of a television --><s:Body><u:Browse xmlns:u="urn:schemas-upnp-org:service:ContentDirectory:1">
<ObjectID>a &amp; b</ObjectID><Filter/><SortCriteria></SortCriteria></u:Browse></s:Body></s:Envelope>`;
const HEADER = '"urn:schemas-upnp-org:service:ContentDirectory:1#Browse"';

describe('XML', () => {
  it('reads elements without their prefixes, text with entities, CDATA and comments', () => {
    assert.deepEqual(parseXml('<x:a>1 &lt; &#50;&#x33;<!-- <no> --><b k="v"/><![CDATA[<&]]></x:a>\n'), {
      ...{ qualified: 'x:a', name: 'a', text: '1 < 23<&' },
      children: [{ qualified: 'b', name: 'b', text: '', children: [] }],
    });
  });

  for (const [what, text] of [
    ['nothing', ''],
    ['text alone', 'hello'],
    ['two roots', '<a/><b/>'],
    ['text beside the root', '<a/>b'],
    ['an open element', '<a><b></b>'],
    ['crossed elements', '<a><b></a></b>'],
    ['an end without a beginning', '</a>'],
    ['an attribute without quotes', '<a b=c/>'],
    ['an unknown entity', '<a>&nbsp;</a>'],
    ['a bare ampersand', '<a>b & c</a>'],
    ['a number that is no character', '<a>&#x110000;</a>'],
    ['an open comment', '<a><!-- </a>'],
    ['entities of its own', '<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'],
    ['too many levels', '<a>'.repeat(17) + '</a>'.repeat(17)],
    ['too many elements', `<a>${'<b/>'.repeat(256)}</a>`],
  ] as const) {
    it(`with ${what} is none`, () => assert.equal(parseXml(text), undefined));
  }

  it('of 16 levels and 256 elements is read', () => {
    assert.ok(parseXml('<a>'.repeat(16) + '</a>'.repeat(16)));
    assert.equal(parseXml(`<a>${'<b/>'.repeat(255)}</a>`)?.children.length, 255);
  });

  it('gives back any text that was put into it, as far as XML can say it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const said = parseXml(`<a b="${escapeXml(text)}">${escapeXml(text)}</a>`)?.text;
        const sayable = Array.from(text, (c) =>
          /^[\t\n\r\u{20}-\u{FFFD}\u{10000}-\u{10FFFF}]$/u.test(c) ? c : '\uFFFD',
        );
        assert.equal(said, sayable.join(''));
      }),
    );
  });

  it('of any pieces never throws', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(...PIECES, ...MORE), fc.string({ maxLength: 8 })), { maxLength: 60 }),
        (pieces) => void parseXml(pieces.join('')),
      ),
      { numRuns: 2000 },
    );
  });
});

describe('an action of SOAP', () => {
  it('is read with its arguments', () => {
    const action = parseAction(HEADER, BROWSE);
    assert.equal(action?.service, 'urn:schemas-upnp-org:service:ContentDirectory:1');
    assert.equal(action.action, 'Browse');
    assert.deepEqual(
      [...action.values],
      [
        ['ObjectID', 'a & b'],
        ['Filter', ''],
        ['SortCriteria', ''],
      ],
    );
  });

  for (const [what, header, body] of [
    ['no header', undefined, BROWSE],
    ['a header of another form', 'Browse', BROWSE],
    ['another action in its header', HEADER.replace('Browse', 'Search'), BROWSE],
    ['no envelope', HEADER, '<Body><Browse/></Body>'],
    ['an empty body', HEADER, '<Envelope><Body/></Envelope>'],
    ['too long a body', HEADER, BROWSE + ' '.repeat(MOST_SOAP)],
  ] as const) {
    it(`with ${what} is none`, () => assert.equal(parseAction(header, body), undefined));
  }

  it('of any bytes never throws', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (header, body) => void parseAction(header, body)));
    fc.assert(
      fc.property(fc.nat(BROWSE.length), fc.nat(20), fc.string(), (at, count, instead) => {
        parseAction(HEADER, BROWSE.slice(0, at) + instead + BROWSE.slice(at + count));
      }),
    );
  });
});
