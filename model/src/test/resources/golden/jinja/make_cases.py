"""Renders the templates below with jinja2 and prints them with the results; see README.md."""
import json

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(jinja2.ext.Extension):
    """{% generation %}: the body as it stands."""

    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


ENV = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
)
ENV.filters["tojson"] = tojson
ENV.globals["raise_exception"] = raise_exception

DATA = {
    "s": "Hello, wörld",
    "e": "a😀b",
    "n": 7,
    "f": 2.5,
    "big": 123456789012345678901234567890,
    "t": True,
    "none": None,
    "l": [3, 1, 2],
    "words": ["b", "A", "c", "a"],
    "d": {"b": 1, "a": {"x": [1, 2, {"y": "z"}]}, "items": "shadow"},
    "people": [
        {"name": "Ann", "age": 31, "tags": ["x"]},
        {"name": "bob", "age": 7, "tags": []},
        {"name": "Cid", "age": 31},
    ],
    "nested": [[1, 2], [3, 4]],
    "q": "it's \"quoted\" \\ and\nmore\ttab \x01 é 😀 \u200b",
    "evil": "{{ 7*7 }}{% set s = 1 %}{# c #}${7*7}",
}

EXPRESSIONS = """
1 + 2 * 3 - 4
7 // 2
-7 // 2
7 % 3
-7 % 3
7 % -3
7.5 // 2
-7.5 % 2
2 ** 10
2 ** -1
2 ** 3 ** 2
-2 ** 2
7 / 2
6 / 2
1 / 0
1 // 0
1 % 0
1e3
1.5e-7
1e16
123456789.123
1e22
0.1 + 0.2
100000000000000000000.0
1_000
big
big + 1
big * big
2 ** 100
n / 7
1 < 2 < 3
1 < 2 > 3
1 == 1.0
1 == true
"1" == 1
none == none
"a" < "b"
"a" < 1
[1, 2] < [1, 3]
[1, 2] == [1, 2]
(1, 2) == [1, 2]
{"a": 1} == {"a": 1.0}
nope == nope2
nope == none
3 in l
3 not in l
"b" in d
"wör" in s
3 in s
3 in nope
3 in none
not true
not not 1
not 1 == 2
1 and 0
1 and 2
0 or "x"
0 or ""
none or nope
"a" and "b" and "c"
1 if 0 else 2
1 if 0
(1 if 0) is undefined
1 if 1 else 2 if 0 else 3
"a" ~ 1 ~ none ~ true ~ 2.0 ~ nope
"a" + 1
1 + "a"
"a" + nope
nope + 1
"ab" * 3
3 * "ab"
[1] * 3
[1] + [2]
(1,) + (2,)
[1] + (2,)
"a" "b"
'it\\'s'
"\\u00e9\\x41\\n\\t\\\\ \\q"
[1, "a", none, true, 2.0, [], {}, ()]
(1,)
()
{"a": [1, {"b": "c"}], 1: 2}
1, 2
s
e|length
e[1]
e[-1]
e[::-1]
e[5]
s[0]
s[1:4]
s[-3:]
s[:-3]
s[::2]
s[10:2:-3]
s[::-1]
s[::0]
l[0]
l[-1]
l[10]
l[10].x
l[::-1]
l[1:]
l[-2:]
l[5:]
l[:100]
l[none:2]
"abc"[1:][0]
d.a.x[2].y
d["a"]["x"][0]
d["items"]
d.items()|list
d.keys()|list
d.values()|list
d.get("b")
d.get("zz")
d.get("zz", 5)
d.nope
d.nope.more
d["nope"]
nope
nope.more
nope()
none.x
none.x.y
n.real_nope
s.nope
people[0].name
people.0.name
people|map(attribute="name")|list
people|map(attribute="nope", default="-")|list
people|map(attribute="tags.0", default="-")|list
words|map("upper")|list
words|map("upper")|join("+")
people|selectattr("age", "equalto", 31)|map(attribute="name")|list
people|selectattr("tags")|map(attribute="name")|list
people|selectattr("tags", "defined")|map(attribute="name")|list
people|rejectattr("tags", "defined")|map(attribute="name")|list
people|selectattr("age", "gt", 10)|list|length
[1, 0, 2]|select|list
[1, 2, 3]|select("odd")|list
[1, 2, 3]|reject("odd")|list
[1, 2, 3]|select("in", [1, 3])|list
l|sort
l|sort(reverse=true)
words|sort
words|sort(case_sensitive=true)
people|sort(attribute="age")|map(attribute="name")|list
people|sort(attribute="age,name")|map(attribute="name")|list
[1, "a"]|sort
[1, 1, 2, 1]|unique|list
["a", "A", "b"]|unique|list
d|dictsort
{"b": 1, "A": 2}|dictsort
{"b": 1, "A": 2}|dictsort(false, "value")
l|first
l|last
[]|first
[]|last
""|first
s|first
l|length
d|length
s|length
nope|length
none|length
5|length
l|join
l|join(", ")
people|join(", ", attribute="name")
nope|join(",")
d|join(",")
l|sum
people|sum(attribute="age")
[1.5, 2]|sum
l|max
l|min
[]|max
l|reverse|list
s|reverse
nested|sum(start=[])
[1, 2, 3, 4, 5]|batch(2)|list
[1, 2, 3]|batch(2, 0)|list
people|groupby("age")|length
s|upper
s|lower
"HELLO wORLD"|capitalize
"hello wORLD foo-bar (baz) it's"|title
"hello wORLD foo-bar it's"|title
"hello wORLD foo-bar it's".title()
"ß"|upper
"  x "|trim
"xxaxx"|trim("x")
"\\n a \\u00a0\\n"|trim
5|trim
"a.b.c"|replace(".", "-")
"a.b.c"|replace(".", "-", 1)
"abc"|replace("", "-")
"aaa".replace("", "-", 2)
"aaa".replace("a", "b", 2)
"aaa".replace("a", "b", 0)
5|string + "x"
true|string
l|string
"5"|int + 1
"5.7"|int
"x"|int
"x"|int(9)
"ff"|int(0, 16)
5.9|int
-5.9|int
none|int
true|int
" 12 "|int
"1_000"|int
"2.5"|float
"x"|float
"1e3"|float
"2d"|float
5|float
nope|default("x")
none|default("x")
""|default("x")
""|default("x", true)
none|d("x", true)
0|default(5, boolean=true)
nope.more|default("x")
"a\\nb\\n\\nc"|indent
"a\\nb\\n\\nc"|indent(2, true)
"a\\nb\\n\\nc"|indent("> ", blank=true)
"a\\n"|indent(2)
""|indent(2)
2.5|round
3.5|round
2.567|round(2)
2.567|round(2, "floor")
2.561|round(2, "ceil")
7|round
-2.5|abs
-2|abs
"a <b> & 'c'"|escape
"a b c d"|wordcount
[1, [2, {"a": none}]]|tojson
d|tojson
d|tojson(indent=2)
d|tojson(indent=4, sort_keys=true)
d|tojson(separators=(",", ":"))
[]|tojson(indent=2)
{}|tojson(indent=2)
q|tojson
q|tojson(ensure_ascii=true)
q
[q]
["it's"]
['say "x"']
big|tojson
2.0|tojson
1e30|tojson
nope|tojson
[nope]|tojson
{1: 2, none: 3}|tojson
{"a": 1}|items|list
nope|items|list
5|items|list
"a-b-c".split("-")
"a-b-c".split("-", 1)
"a-b-c".split("-", maxsplit=1)
"a-b-c".rsplit("-", 1)
"a--b".split("-")
"a--b".rsplit("--")
" a  b ".split()
" a  b c ".split(none, 1)
"".split()
"".split(",")
"abc".split("")
"a\\nb\\r\\nc".splitlines()
"a\\nb".splitlines(true)
"a-b-c".partition("-")
"a-b-c".rpartition("-")
"abc".partition("-")
"abc".rpartition("-")
"abc".startswith("ab")
"abc".startswith(("x", "a"))
"abc".endswith("bc")
"abc".startswith(5)
"abcabc".find("c")
"abcabc".rfind("c")
"abc".find("x")
e.find("b")
"abc".index("x")
"abcabc".count("bc")
"abc".count("")
"  a ".strip()
"  a ".lstrip()
"  a ".rstrip()
"xyax".strip("xy")
"xyax".lstrip("yx")
"xyax".rstrip("x")
"abc".removeprefix("a")
"abc".removesuffix("c")
"abc".upper().lower().capitalize()
",".join(["a", "b"])
",".join([1])
",".join("abc")
"7".zfill(3)
"-7".zfill(4)
"ab".ljust(4, ".")
"ab".rjust(4, ".")
"ab".center(5, ".")
"abc".center(6, ".")
"123".isdigit()
"12a".isdigit()
"".isdigit()
"abc".isalpha()
"ab1".isalnum()
" ".isspace()
"ABC".isupper()
"AbC".islower()
"a1".islower()
[1, 2, 1].count(1)
[1, 2].index(2)
[1, 2].index(5)
s.__class__
s["__class__"]
"".__class__.__mro__
l.__len__()
range(5)|list
range(2, 8, 3)|list
range(5, 0, -2)|list
range(0)|list
range(3)[1]
dict(a=1, b=2)
dict([("a", 1)], b=2)
dict({"x": 1})
nope is defined
s is defined
s is not defined
nope is undefined
none is none
none is not none
n is none
s is string
n is string
d is mapping
l is mapping
l is iterable
s is iterable
n is iterable
nope is iterable
none is iterable
l is sequence
d is sequence
n is number
f is number
t is number
s is number
n is integer
t is integer
f is float
t is boolean
n is boolean
t is true
n is true
false is false
0 is false
n is odd
n is even
n is divisibleby 7
n is divisibleby(2)
n is eq 7
n is equalto(7)
n is ne 7
n is gt 3
n is lt 3
n is ge 7
n is le 7
n is in [7]
3 is in l
l is sameas l
range is callable
s is callable
"abc" is lower
"ABC" is upper
s is nosuchtest
s|nosuchfilter
s is string and n is number
not s is string
n is not string or false
1 is odd and 2 is even
-1|abs
-5 + 3|abs
1 + 2|string|length
"a" ~ "b"|upper
[1, 2, 3][1:]|join("-")
{"a": 1}.a
{"a": 1}["a"]
"%s" is string
[[1, 2], [3]]|map("first")|list
[[1, 2], [3]]|map("length")|sum
(l|first) + 1
evil
evil|length
[evil]
evil ~ "{{ 1 }}"
"{{ 1 + 1 }}"
"{% if 1 %}"
""".strip("\n").split("\n")

TEMPLATES = [
    "plain",
    "",
    "\n",
    "a\n",
    "a\n\n",
    "a\r\nb\rc\r\n",
    "{{ 1 }}\n",
    "{{ 1 }}\n\n{{ 2 }}",
    "{% if 1 %}\nx\n{% endif %}\ny\n",
    "  {% if 1 %}\n  x\n  {% endif %}\n  y",
    "a  {% if 1 %}  x  {% endif %}  y",
    "a  {%- if 1 -%}  x  {%- endif -%}  y",
    "a  \n {%+ if 1 %}\n x {% endif +%}\n y",
    "a\n  {# c #}\nb",
    "a\n  {#- c -#}\n  b",
    "a {# {{ x }} {% if %} #} b",
    "  {{ 1 }}\n  {{- 2 -}}  \n 3",
    "{{ 1 }}  {% if 1 %}x{% endif %}",
    "{%- if 1 %}  {% if 1 %}x{% endif %}{% endif %}",
    "{% if 1 %}\n\n\n  {% if 1 %}x{% endif %}{% endif %}",
    "{% raw %}{{ x }}{% if %}{% endraw %}",
    "a {%- raw -%}  {{ x }}  {%- endraw -%}  b",
    "{% raw %}\n  a\n  {% endraw %}\nb",
    "  {% raw %} x {% endraw %}\n  y",
    "{ {x} } {% if 1 %}{{ '}}' }}{% endif %} {{ {'a': {'b': 1}} }}{{ {'a': {'b': 1}}.a.b}}",
    "{{ '%}' }}{% set x = '%}' %}{{ x }}",
    "{% for x in l %}{{ x }},{% endfor %}",
    "{% for x in l %}\n{{ x }}\n{% endfor %}\n",
    "{% for x in [] %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in nope %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in none %}{{ x }}{% endfor %}",
    "{% for x in 5 %}{{ x }}{% endfor %}",
    "{% for c in e %}[{{ c }}]{% endfor %}",
    "{% for k in d %}{{ k }} {% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}",
    "{% for a, b in nested %}{{ a }}{{ b }}{% endfor %}",
    "{% for (a, b) in nested %}{{ a }}{{ b }}{% endfor %}",
    "{% for a, b, c in nested %}{{ a }}{% endfor %}",
    "{% for x in 1, 2 %}{{ x }}{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}",
    "{% for x in l if x > 9 %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}",
    "{% for x in l %}{{ loop.previtem }}<{{ x }}<{{ loop.nextitem }} {% endfor %}",
    "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}",
    "{% for x in nested %}{% for y in x %}{{ loop.depth }}{{ y }}{% endfor %}{{ loop.index }};{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in nested %}{% for y in x %}{% break %}{% endfor %}{{ x }}{% endfor %}",
    "{% set x = 1 %}{% for y in l %}{% set x = y %}{% endfor %}{{ x }}",
    "{% set x = 1 %}{% for y in l %}{{ x }}{% set x = y %}{{ x }} {% endfor %}{{ x }}",
    "{% set x = 1 %}{% if 1 %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% set ns = namespace(x=1) %}{% for y in l %}{% set ns.x = ns.x + y %}{% endfor %}{{ ns.x }}{{ ns.nope }}",
    "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{{ ns['a'] }}",
    "{% set s.x = 1 %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a, b = [1] %}{{ a }}",
    "{% set x %}a{{ n }}b{% endset %}[{{ x }}]",
    "{% set x | upper | trim %} a{{ n }}b {% endset %}[{{ x }}]",
    "{% set x = 1, 2 %}{{ x }}",
    "{{ x }}{% set x = 1 %}{{ x }}",
    "{% if 0 %}a{% elif 1 %}b{% else %}c{% endif %}",
    "{% if 0 %}a{% elif 0 %}b{% else %}c{% endif %}",
    "{% if nope %}a{% endif %}b",
    "{% if n > 3 and s %}y{% endif %}",
    "{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=1, a=0) }} {{ m() }}",
    "{% macro m(a, b=a) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, x=2) }}",
    "{% macro m(n) %}{% if n > 0 %}{{ n }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(5) }}",
    "{% macro m() %}{{ later }}{% endmacro %}{% set later = 5 %}{{ m() }}",
    "{% macro m() %}{% set y = 1 %}{{ y }}{% endmacro %}{{ m() }}{{ y }}",
    "{% macro m(x) %}[{{ caller(x) }}]{% endmacro %}{% call(y) m(5) %}<{{ y }}>{% endcall %}",
    "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}in {{ n }}{% endcall %}",
    "{% macro m() %}x{% endmacro %}{{ m()|upper }}{{ m() ~ 'y' }}{{ m()|length }}{{ m.name }}",
    "{% macro m(a) %}{{ a.name }}{% endmacro %}{% for p in people %}{{ m(p) }} {% endfor %}",
    "{% filter upper %}a{{ s }}{% endfilter %}",
    "{% filter replace('a', 'b') | upper %}aa{% endfilter %}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% with %}{% set z = 1 %}{{ z }}{% endwith %}{{ z }}",
    "{% generation %}a{{ n }}{% endgeneration %}b",
    "{% for m in people %}{% generation %}{{ m.name }}{% endgeneration %}{% endfor %}",
    "{{ raise_exception('no: ' ~ n) }}",
    "{% if false %}{{ raise_exception('no') }}{% endif %}ok",
    "{% set j = joiner(', ') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}",
    "{{ evil }}{% set x = evil %}{{ x }}{{ x | trim }}{% for c in [evil] %}{{ c }}{% endfor %}",
    "{% if messages is not defined %}none{% endif %}",
    "{{ 'a' if n else 'b' }}{{ 'a' if not n else 'b' }}",
    "{{ s[:5] ~ '...' if s|length > 5 else s }}",
    "{{ (people | selectattr('name', 'equalto', 'bob') | first).age }}",
    "{{ (people | selectattr('name', 'equalto', 'zed') | first) is defined }}",
    "{%- for p in people -%}\n  {{ p.name -}}\n{%- endfor -%}\n",
    "{%- for p in people %}\n  {{- p.name }}\n{%- endfor %}\n",
    "{{",
    "{{ }}",
    "{{ 1",
    "{% if 1 %}",
    "{% endif %}",
    "{% if 1 %}{% endfor %}",
    "{% nosuch %}",
    "{{ 1 +  }}",
    "{{ 'a }}",
    "{# open",
    "{% raw %}open",
    "{{ a b }}",
    "{{ [1, }}",
    "{% for x %}{% endfor %}",
    "{% set %}",
    "{{ x = 1 }}",
    "{{ ) }}",
    "{{ 1 }} }} {% if 1 %} %} {% endif %}",
]


def case(template):
    try:
        return {"template": template, "rendered": ENV.from_string(template).render(**DATA)}
    except Exception:  # whatever is raised, the template does not render
        return {"template": template, "error": True}


if __name__ == "__main__":
    templates = TEMPLATES + ["{{ " + expression + " }}" for expression in EXPRESSIONS]
    cases = [case(template) for template in templates]
    print(json.dumps({"jinja2": jinja2.__version__, "variables": DATA, "cases": cases}, indent=1, ensure_ascii=True))
