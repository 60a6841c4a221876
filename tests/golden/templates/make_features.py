#!/usr/bin/env python3
"""Make features.jsonl: templates for each feature of Jinja that chat templates use, with jinja2's texts.

usage: make_features.py OUT.jsonl      needs: pip install jinja2 (3.1.6 made the file that lies here)

jinja2 is set up as Hugging Face transformers does. The first line holds contexts by name; each other line is {feature,
template, context (a name, an object or missing) and expected (the text), raised (the words of raise_exception) or error
(another error of jinja2; only that there is one counts)}.
"""
import datetime
import json
import sys

from jinja2.sandbox import ImmutableSandboxedEnvironment
import jinja2, jinja2.ext
class Gen(jinja2.ext.Extension):
    tags={'generation'}
    def parse(self,parser):
        next(parser.stream)
        return parser.parse_statements(['name:endgeneration'],drop_needle=True)
env=ImmutableSandboxedEnvironment(trim_blocks=True,lstrip_blocks=True,extensions=['jinja2.ext.loopcontrols',Gen])
env.filters['tojson']=lambda x,ensure_ascii=False,indent=None,separators=None,sort_keys=False: json.dumps(x,ensure_ascii=ensure_ascii,indent=indent,separators=separators,sort_keys=sort_keys)
env.filters['from_json']=json.loads
class Raised(Exception): pass
def raise_exception(m): raise Raised(m)
env.globals['raise_exception']=raise_exception
env.globals['strftime_now']=lambda f: datetime.datetime(2026,1,2,3,4,5).strftime(f)
M=[{"role":"system","content":" Be brief. "},{"role":"user","content":"H\u00e9llo \U0001F600"},{"role":"assistant","content":None,"tool_calls":[{"type":"function","function":{"name":"weather","arguments":{"city":"K\u00f6ln","days":3,"units":["c",None,1.5,True]}}}]},{"role":"tool","name":"weather","content":"{\"t\": 21.5}"},{"role":"assistant","content":"<think>\nwell\n</think>\n\n21.5 degrees."}]
T=[{"type":"function","function":{"name":"weather","description":"Tells \"the\" weather <here> & now.","parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer","enum":[1,3]}},"required":["city"]}}}]
C={"messages":M,"tools":T,"bos_token":"<s>","eos_token":"</s>","add_generation_prompt":True}
rows=[]
def r(feature,template,context=None): rows.append((feature,template,context))
# statements
r("for ... in","{% for m in messages %}[{{ m.role }}]{% endfor %}",C)
r("if","{% if messages %}yes{% endif %}{% if nothing %}no{% endif %}",C)
r("else (of if)","{% if nothing %}a{% else %}b{% endif %}")
r("else (of for)","{% for x in [] %}a{% else %}empty{% endfor %}")
r("elif","{% for i in [1, 2, 3] %}{% if i == 1 %}a{% elif i == 2 %}b{% else %}c{% endif %}{% endfor %}")
r("set","{% set x = 'a' %}{% set x = x + 'b' %}{{ x }}{% for i in [1] %}{% set x = 'inner' %}{% endfor %}{{ x }}")
r("set ns.attr = (namespace attribute)","{%- set ns = namespace(last='', n=0) -%}{%- for m in messages -%}{%- set ns.last = m.role -%}{%- set ns.n = ns.n + loop.index -%}{%- endfor -%}{{ ns.last }} {{ ns.n }}",C)
r("for with unpacking (k, v)","{% for k, v in messages[2].tool_calls[0].function.arguments.items() %}{{ k }}={{ v }};{% endfor %}",C)
r("macro","{% macro tag(name, body) -%}<{{ name }}>{{ body }}</{{ name }}>{%- endmacro %}{{ tag('a', 1) }}{{ tag(body='x', name='b') }}")
r("recursive macro","{% macro show(v) -%}{% if v is mapping %}{ {% for k in v %}{{ k }}: {{ show(v[k]) }} {% endfor %}}{% elif v is iterable and v is not string %}[{% for x in v %}{{ show(x) }},{% endfor %}]{% else %}{{ v }}{% endif %}{%- endmacro %}{{ show(tools[0].function.parameters) }}",C)
r("macro with default arguments","{% macro m(a, b='x', c=none) %}{{ a }}{{ b }}{{ c }}|{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(1, c=3) }}")
r("macro sees later globals","{% macro m() %}{{ g }}{% endmacro %}{% set g = 1 %}{{ m() }}{% set g = 2 %}{{ m() }}")
r("set block ... endset","{% set text %}\n  <{{ 1 + 1 }}>\n{% endset %}[{{ text }}]{{ text is string }}")
r("for ... if (loop filter)","{% for m in messages if m.role == 'assistant' %}{{ loop.index }}/{{ loop.length }}{{ ',' if not loop.last }}{% endfor %}",C)
r("generation ... endgeneration (HF extension)","a{% generation %}b{{ 1 }}{% endgeneration %}c")
r("break","{% for i in range(9) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}")
r("continue","{% for i in range(5) %}{% if i % 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}")
r("filter block ... endfilter","{% filter trim | upper %}  some text \n{% endfilter %}|")
r("with","{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}")
r("raw","{% raw %}{{ not }} {% run %}{% endraw %}")
# expressions
r("binary +","{{ 'a' + 'b' }} {{ 1 + 2 }} {{ [1] + [2] }} {{ 1 + 0.5 }} {{ true + 1 }}")
r("==","{{ 1 == 1.0 }} {{ 'a' == 'b' }} {{ [1, {'x': 2}] == [1, {'x': 2}] }} {{ none == false }} {{ messages[0] == messages[-5] }}",C)
r("not","{{ not '' }} {{ not 'a' }} {{ not 1 in [2] }} {{ not not 1 }}")
r("and","{{ 1 and 2 }} {{ 0 and x.y }} {{ '' and 1 }}|")
r("attribute access a.b","{{ messages[2].tool_calls[0].function.name }} {{ messages[0].nothing }}|",C)
r("or","{{ 0 or 'b' }} {{ 1 or x.y }} {{ none or [] }}")
r("subscript [0]","{{ messages[0]['role'] }} {{ 'abc'[0] }} {{ [][0] }}|",C)
r("subscript ['name']","{{ messages[1]['content'] }} {{ {'a b': 1}['a b'] }} {{ {}['x'] }}|",C)
r("in","{{ 'think' in messages[-1].content }} {{ 'x' in {'x': 1} }} {{ 2 in [1, 2.0] }} {{ '' in 'a' }}",C)
r("!=","{{ 1 != 2 }} {{ 'a' != 'a' }} {{ none != 0 }}")
r("unary -","{{ -1 }} {{ - 2 + 3 }} {{ -3|abs }} {{ 2 - -2 }}")
r("unary +","{{ +1 }} {{ 1 - +2 }}")
r(">","{{ 2 > 1 }} {{ 'b' > 'a' }} {{ 1 > 1.5 }} {{ [2] > [1, 9] }}")
r("x if c else y","{{ 'a' if 1 else 'b' }}{{ 'a' if 0 else 'b' if 0 else 'c' }}{{ ('x' if tools else 'y') + 'z' }}",C)
r("slice [a:]","{{ messages[3:]|length }} {{ 'h\u00e9llo'[1:] }} {{ [1][5:] }}",C)
r("subscript [-1]","{{ messages[-1].role }} {{ 'h\u00e9'[-1] }}",C)
r("binary -","{{ 5 - 2 }} {{ 1.5 - 1 }} {{ messages|length - 1 }}",C)
r("subscript [expression]","{{ messages[1 + 1].role }} {{ messages[messages|length - 1].role }} {% set k = 'ro' ~ 'le' %}{{ messages[0][k] }}",C)
r("~ (concatenation)","{{ 'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1, 'x'] ~ nothing }}")
r("not in","{{ 'x' not in 'abc' }} {{ 1 not in [1] }} {{ 'role' not in messages[0] }}",C)
r("slice with a negative bound or step","{{ [1, 2, 3, 4][:-1] }} {{ [1, 2, 3, 4][-2:] }} {{ 'abc'[::-1] }} {{ [1, 2, 3, 4][-2:0:-1] }} {{ [1, 2][-9:9] }}")
r("slice [:b]","{{ 'abcdef'[:2] }} {{ [1, 2, 3][:1] }} {{ (1, 2, 3)[:2] }}")
r("slice [::c]","{{ [1, 2, 3, 4, 5][::2] }} {{ 'abcdef'[1:5:3] }} {{ messages[::-1][0].role }}",C)
r("<","{{ 1 < 2 }} {{ 'a' < 'B' }} {{ 1 < 2 < 3 }} {{ 3 < 2 < 1 }}")
r("binary %","{{ 7 % 3 }} {{ -7 % 3 }} {{ 7.5 % 2 }} {{ '%s is %d' % ('a', 3) }} {{ '%5.2f|%-4s|%x' % (3.14159, 'b', 255) }}")
r("x if c (no else)","{{ 'a' if true }}{{ 'b' if false }}|{{ ('b' if false) is defined }}")
r("binary *","{{ 2 * 3 }} {{ 'ab' * 3 }} {{ [0] * 2 }} {{ 2 * 1.5 }}")
r("binary / // **","{{ 7 / 2 }} {{ 6 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 2 ** 8 }} {{ 2 ** -1 }} {{ -2 ** 2 }}")
r("<=","{{ 1 <= 1 }} {{ 2 <= 1 }} {{ 'a' <= 'a' }}")
r(">=","{{ 1 >= 1 }} {{ 1 >= 2 }} {{ 1 >= true }}")
r("integer attribute a.0","{{ messages.0.role }} {{ [[1, 2]].0.1 }}",C)
r("precedence","{{ 1 + 2 * 3 - 4 }} {{ (1 + 2) * 3 }} {{ 'a' ~ 'b' + 'c' ~ 'd' }} {{ 'a' + 'b'|upper }} {{ not 1 == 2 }} {{ 1 if 0 or 1 and 0 else 2 }} {{ 2 ** 3 ** 1 }}")
r("call over several lines","{{ dict(\n  a=1,\n  b=[\n    2,\n  ],\n) }}")
# literals
r("string","{{ 'single' }}{{ \"double\" }}{{ 'a' 'b' }}{{ '' }}|")
r("integer","{{ 0 }} {{ 42 }} {{ 1_000 }} {{ 9007199254740993 }}")
r("float","{{ 1.5 }} {{ 2.0 }} {{ 1e3 }} {{ 0.1 + 0.2 }} {{ 1e-7 }} {{ 1e16 }} {{ 123456789.125 }}")
r("boolean","{{ true }} {{ false }} {{ True }} {{ False }}")
r("list","{{ [] }} {{ [1, 'a', [none]] }} {{ [1, 2,] }} {{ ['it\\'s', \"q\\\"\"] }}")
r("none","{{ none }} {{ None }} {{ [none] }}")
r("dict","{{ {} }} {{ {'a': 1, 'b': {'c': [true]}} }} {{ {'a': 1}.a }}")
r("tuple","{{ () }} {{ (1,) }} {{ (1, 'a') }} {% for a, b in [(1, 2), (3, 4)] %}{{ a }}-{{ b }} {% endfor %}")
r("dict with integer keys","{{ {1: 'a', 2: 'b'}[2] }} {{ {1: 'a'} }} {{ {1: 'a'}['1'] }}|")
# filters
r("tojson","{{ tools[0]|tojson }} {{ messages[1].content|tojson }} {{ [1.0, 1e100, none]|tojson }} {{ 'a\\x01\\\\/\\t'|tojson }}",C)
r("tojson(ensure_ascii=)","{{ messages[1].content|tojson(ensure_ascii=true) }} {{ messages[1].content|tojson(ensure_ascii=False) }}",C)
r("tojson(indent=)","{{ tools|tojson(indent=2) }} {{ {}|tojson(indent=4) }}{{ [[], {}]|tojson(indent=1) }}",C)
r("tojson(separators=, sort_keys=)","{{ {'b': [1, 2], 'a': none}|tojson(separators=(',', ':')) }} {{ {'b': 1, 'a': 2}|tojson(sort_keys=true) }}")
r("length","{{ messages|length }} {{ 'h\u00e9'|length }} {{ {'a': 1}|length }} {{ nothing|length }} {{ [1]|count }}",C)
r("trim","[{{ messages[0].content|trim }}] [{{ 'xxaxx'|trim('x') }}] [{{ '\u00a0\u3000a\u2028'|trim }}]",C)
r("string","{{ 1|string + 'a' }} {{ none|string }} {{ [1, 'a']|string }} {{ 1.0|string }}")
r("default","{{ nothing|default('d') }} {{ nothing|default }}| {{ none|default('d') }} {{ 0|default('d') }}")
r("default(2 positional)","{{ ''|default('d', true) }} {{ none|default('d', true) }} {{ 0|d('z', true) }} {{ ''|default('d', boolean=true) }}")
r("items","{% for k, v in {'a': 1}|items %}{{ k }}{{ v }}{% endfor %}{{ nothing|items|list }}")
r("join","{{ ['a', 'b']|join }} {{ [1, none, 'x']|join(', ') }} {{ messages|join('+', attribute='role') }} {{ 'abc'|join('-') }}",C)
r("list","{{ 'ab'|list }} {{ range(3)|list }} {{ {'a': 1}|list }} {{ (1, 2)|list }}")
r("safe","{{ '<b>'|safe }}{{ '<b>&'|safe ~ '<i>' }}")
r("selectattr","{{ messages|selectattr('role', 'equalto', 'assistant')|list|length }} {{ messages|selectattr('tool_calls')|map(attribute='role')|list }} {{ messages|selectattr('tool_calls', 'defined')|list|length }} {{ messages|selectattr('content', 'string')|list|length }}",C)
r("from_json","{{ (messages[3].content|from_json).t }} {{ '[1, {\"a\": null}]'|from_json }}",C)
r("map","{{ messages|map(attribute='role')|join(' ') }} {{ ['a', 'b']|map('upper')|list }} {{ ['a-b', 'c']|map('replace', '-', '+')|list }} {{ messages|map(attribute='name', default='?')|list }}",C)
r("dictsort","{{ {'b': 1, 'A': 2, 'c': 0}|dictsort }} {{ {'b': 1, 'A': 2}|dictsort(true) }} {{ {'b': 1, 'A': 2}|dictsort(by='value') }} {{ {'a': 1, 'b': 2}|dictsort(reverse=true) }}")
r("lower","{{ 'AbC \u00c4\u0416'|lower }}")
r("upper","{{ 'AbC \u00e4\u0436'|upper }}")
r("replace","{{ 'a.b.c'|replace('.', '') }} {{ 'a.b.c'|replace('.', '-', 1) }} {{ 'aa'|replace('', '-') }}")
r("capitalize","{{ 'hello World'|capitalize }} {{ '\u00e9TE'|capitalize }} {{ ''|capitalize }}|")
r("title","{{ 'hello wORLD-wide it\\'s (one)'|title }}")
r("first","{{ [3, 4]|first }} {{ 'abc'|first }} {{ []|first }}|")
r("last","{{ [3, 4]|last }} {{ 'abc'|last }} {{ messages|last is mapping }}",C)
r("indent","{{ 'a\\nb\\n\\nc'|indent }}|{{ 'a\\nb'|indent(2) }}|{{ 'a\\nb'|indent(1, true) }}")
r("indent(1 positional, first=)","{{ 'a\\nb\\n\\nc'|indent(3, first=true) }}|{{ 'a\\n\\nb'|indent(1, blank=true) }}|{{ 'a\\nb'|indent('> ') }}")
r("int","{{ '42'|int }} {{ '4.9'|int }} {{ 'x'|int }} {{ 'x'|int(-1) }} {{ 3.7|int }} {{ ' 7 '|int }} {{ -3.7|int }} {{ true|int }}")
r("float filter","{{ '1.5'|float }} {{ 'x'|float }} {{ 3|float }} {{ 'x'|float(2.5) }}")
r("min","{{ [3, 1, 2]|min }} {{ ['b', 'A']|min }} {{ []|min }}|")
r("max","{{ [3, 1, 2]|max }} {{ ['b', 'A', 'C']|max }} {{ messages|map(attribute='role')|max }}",C)
r("sum","{{ [1, 2.5]|sum }} {{ [{'n': 1}, {'n': 2}]|sum(attribute='n') }} {{ []|sum }} {{ [1]|sum(start=5) }}")
r("reject","{{ [1, 2, 3]|reject('equalto', 2)|list }} {{ [1, 2, 3]|reject('odd')|list }} {{ [0, 1, '']|reject|list }}")
r("select","{{ [0, 1, 2]|select|list }} {{ [1, 2, 3, 4]|select('even')|list }} {{ [1, 5]|select('>', 2)|list }}")
r("rejectattr","{{ messages|rejectattr('role', 'in', ['user', 'tool'])|map(attribute='role')|list }} {{ messages|rejectattr('tool_calls')|list|length }}",C)
r("sort","{{ [3, 1, 2]|sort }} {{ ['b', 'A', 'a']|sort }} {{ ['b', 'A']|sort(case_sensitive=true) }} {{ [1, 3]|sort(reverse=true) }}")
r("sort(attribute=)","{{ messages|sort(attribute='role')|map(attribute='role')|join(',') }} {{ [{'a': {'b': 2}}, {'a': {'b': 1}}]|sort(attribute='a.b') }}",C)
r("unique","{{ ['a', 'A', 'b', 'a']|unique|list }} {{ [1, 2, 1]|unique|list }} {{ messages|map(attribute='role')|unique|join(' ') }}",C)
r("reverse","{{ [1, 2]|reverse|list }} {{ 'abc'|reverse }}")
r("abs, round","{{ -5|abs }} {{ 2.567|round(2) }} {{ 2.5|round }} {{ 3.5|round|int }} {{ 2.1|round(method='ceil') }} {{ 1234|round(-2) }}")
r("escape","{{ '<a href=\"x\">&\\'</a>'|escape }} {{ '<'|e }}")
r("attr","{{ {'a': 1}|attr('a') }}| {{ messages|attr('nothing') is undefined }}",C)
r("filters in a row","{{ ' A '|trim|lower|replace('a', 'b')|upper ~ '!' }}")
# tests
for f,t in [("defined","{{ messages is defined }} {{ nothing is defined }} {{ messages[0].x is defined }} {{ messages[0].role is not defined }}"),
 ("string","{{ 'a' is string }} {{ 1 is string }} {{ messages[2].content is string }}"),
 ("none","{{ none is none }} {{ messages[2].content is none }} {{ nothing is none }} {{ 0 is not none }}"),
 ("mapping","{{ {} is mapping }} {{ [] is mapping }} {{ messages[0] is mapping }}"),
 ("iterable","{{ [] is iterable }} {{ 'a' is iterable }} {{ {} is iterable }} {{ 1 is iterable }} {{ none is iterable }} {{ nothing is iterable }}"),
 ("false","{{ false is false }} {{ 0 is false }} {{ none is false }}"),
 ("sequence","{{ [] is sequence }} {{ (1,) is sequence }} {{ 'a' is sequence }} {{ {} is sequence }} {{ 1 is sequence }}"),
 ("true","{{ true is true }} {{ 1 is true }} {{ add_generation_prompt is true }}"),
 ("boolean","{{ true is boolean }} {{ 1 is boolean }} {{ 'true' is boolean }}"),
 ("undefined","{{ nothing is undefined }} {{ messages is undefined }} {{ messages[0]['x'] is undefined }} {{ messages[99] is undefined }}"),
 ("number","{{ 1 is number }} {{ 1.5 is number }} {{ true is number }} {{ '1' is number }} {{ 1 is integer }} {{ 1.0 is integer }} {{ 1.0 is float }}"),
 ("in, eq, lt","{{ 1 is in [1] }} {{ 'a' is in 'abc' }} {{ 1 is eq 1 }} {{ 1 is equalto(2) }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 2 is ge 2 }} {{ 1 is sameas 1 }}"),
 ("odd, even, divisibleby","{{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }}"),
 ("lower, upper","{{ 'abc' is lower }} {{ 'aBc' is lower }} {{ 'ABC' is upper }}"),
 ("callable, filter, test","{{ range is callable }} {{ 1 is callable }} {{ 'upper' is filter }} {{ 'nope' is filter }} {{ 'odd' is test }}"),
 ("tests and logic","{{ 'y' if nothing is defined and nothing else 'n' }} {{ not nothing is defined }} {{ 1 is odd and 2 is even }} {{ -1 is number }}")]: r("is "+f,t,C)
# methods
r(".split()","{{ 'a b  c'.split() }} {{ 'a,b,,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ messages[-1].content.split('</think>')[-1].lstrip('\\n') }} {{ 'a b c'.split(maxsplit=1) }} {{ ''.split() }} {{ ''.split(',') }}",C)
r(".rsplit(), .splitlines(), .partition()","{{ 'a/b/c'.rsplit('/', 1) }} {{ 'a\\nb\\r\\nc\\n'.splitlines() }} {{ 'k=v=w'.partition('=') }} {{ 'a.b.c'.rpartition('.') }}")
r(".items()","{% for k, v in tools[0].function.parameters.properties.items() %}{{ k }}:{{ v.type }} {% endfor %}",C)
r(".keys(), .values()","{{ {'a': 1, 'b': 2}.keys()|list }} {{ {'a': 1, 'b': 2}.values()|list }} {{ {'a': 1}.keys()|length }}")
r(".strip()","[{{ ' \\t a \\n'.strip() }}] [{{ 'xyaxy'.strip('xy') }}] [{{ '\u00a0a\u3000'.strip() }}]")
r(".lstrip()","[{{ '  a '.lstrip() }}] [{{ '\\n\\na\\n'.lstrip('\\n') }}]")
r(".rstrip()","[{{ ' a  '.rstrip() }}] [{{ 'a...'.rstrip('.') }}]")
r(".endswith()","{{ 'abc'.endswith('bc') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.endswith('') }}")
r(".startswith()","{{ 'abc'.startswith('ab') }} {{ 'abc'.startswith(('x', 'a')) }}")
r(".get()","{{ messages[0].get('role') }} {{ messages[0].get('x') }} {{ messages[0].get('x', 'd') }} {{ messages[2].get('content', 'd') }}",C)
r(".replace()","{{ 'a-b-c'.replace('-', '') }} {{ 'a-b-c'.replace('-', '+', 1) }}")
r(".format()","{{ '{} and {}'.format(1, 'b') }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x}!'.format(x=2) }} {{ '{{}}'.format() }}")
r(".upper(), .lower(), .title(), .capitalize()","{{ 'aB'.upper() }} {{ 'aB'.lower() }} {{ 'ab cd'.title() }} {{ 'aB'.capitalize() }}")
r(".find(), .count(), .join(), .index()","{{ 'h\u00e9llo'.find('l') }} {{ 'abc'.find('x') }} {{ 'banana'.count('an') }} {{ '-'.join(['a', 'b']) }} {{ [5, 6].index(6) }} {{ [1, 1].count(1) }}")
r(".isdigit()","{{ '12'.isdigit() }} {{ '1a'.isdigit() }}")
r(".removeprefix(), .removesuffix()","{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('bc') }} {{ 'abc'.removeprefix('x') }}")
# loops
r("loop.index0","{% for x in 'abc' %}{{ loop.index0 }}{% endfor %}")
r("loop.last","{% for x in 'abc' %}{{ x }}{{ ', ' if not loop.last }}{% endfor %}")
r("loop.first","{% for x in 'abc' %}{% if loop.first %}<{% endif %}{{ x }}{% endfor %}")
r("loop.nextitem","{% for m in messages %}{% if loop.nextitem is defined and loop.nextitem.role == 'tool' %}!{% endif %}{{ loop.nextitem.role if loop.nextitem is defined }};{% endfor %}",C)
r("loop.previtem","{% for m in messages %}{% if loop.previtem is undefined %}^{% elif loop.previtem.role != m.role %}{{ loop.previtem.role }}>{{ m.role }} {% endif %}{% endfor %}",C)
r("loop.index","{% for x in 'abc' %}{{ loop.index }}{{ loop.revindex }}{{ loop.revindex0 }}/{{ loop.length }} {% endfor %}")
r("nested loops","{% for x in [1, 2] %}{% set outer = loop %}{% for y in 'ab' %}{{ outer.index }}{{ loop.index }}{{ y }} {% endfor %}{% endfor %}")
# globals
r("namespace()","{% set ns = namespace() %}{% set ns.a = [1] %}{{ ns.a }}{{ ns.b is defined }}{% set n2 = namespace(a=1, b='x') %}{{ n2.a }}{{ n2['b'] }}")
r("raise_exception()","{% if messages[0].role != 'user' %}{{ raise_exception('First role must be user, not \"' + messages[0].role + '\"!') }}{% endif %}",C)
r("strftime_now()","{{ strftime_now('%d %B %Y') }} {{ strftime_now('%Y-%m-%d') }} {{ strftime_now('%H:%M:%S %b %a %A %j %y %I %p %%') }}")
r("range()","{{ range(3)|list }} {{ range(1, 7, 3)|list }} {{ range(3, 0, -1)|list }} {{ range(0)|list }} {% for i in range(messages|length - 1, -1, -1) %}{{ messages[i].role[0] }}{% endfor %}",C)
r("dict()","{{ dict(a=1, b=2) }}")
# lexical
r("left strip {%- / {{-","a \n {%- if true %}b{% endif %} \n {{- 'c' }} \n {#- note #}d")
r("right strip -%} / -}}","{% if true -%} \n a{% endif -%} \n b{{ 'c' -}} \n d{# note -#} \n e")
r("trim_blocks and lstrip_blocks","a\n  {% if true %}\n  b\n  {% endif %}\n  {{ 'c' }}\n  {# note #}\nd\n")
r("{%+ and +%}","a\n  {%+ if true %}b{% endif +%}\nc")
r("file ends in a line feed (dropped)","a\n\n")
r("comment {# #}","a{# {{ nothing.x }} {% if %} #}b{#\n lines\n#}\nc")
r("line ends","a\r\nb{% if true %}\r\nc{% endif %}")
r("non-ASCII text","\u2581<\uff5cUser\uff5c>{{ '\u00e9\u4f60' }}\U0001F600{{ '\U0001F600'|length }}")
r("string escapes","{{ 'a\\nb\\tc\\\\d\\'e\\\"f' }}|{{ \"\\x41\\u00e9\\U0001F600\\q\" }}")
r("raw newline inside a string literal","{{ 'a\nb' }}{{ ('x\n  y')|length }}")
r("% and { alone","50% {a} { % } {{ '{{' }} {{ '%}' }}")
# errors
r("undefined attribute","{{ nothing.x }}")
r("call of undefined","{{ nothing() }}")
r("str + int","{{ 'a' + 1 }}")
r("int + str","{{ 1 + 2 ~ 3 }}")
r("None has no length","{{ none|length }}")
r("None is not iterable","{% for x in none %}{% endfor %}")
r("unknown filter reached","{{ 1|no_such_filter }}")
r("division by zero","{{ 1 / 0 }}")
r("raise in a macro","{% macro m(x) %}{{ raise_exception('bad ' ~ x) }}{% endmacro %}{{ m([1]) }}")
# whole templates of our own
chatml="""{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content|trim + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(open=false, last_user=-1) %}
{%- for m in messages[::-1] %}
    {%- if m.role == 'user' and ns.last_user < 0 %}
        {%- set ns.last_user = messages|length - 1 - loop.index0 %}
    {%- endif %}
{%- endfor %}
{%- for m in messages if m.role != 'system' %}
    {%- if m.role == 'tool' %}
        {%- if not ns.open %}{{- '<|im_start|>user' }}{%- set ns.open = true %}{%- endif %}
        {{- '\\n<tool_response>\\n' + m.content + '\\n</tool_response>' }}
        {%- if loop.last or loop.nextitem.role != 'tool' %}{{- '<|im_end|>\\n' }}{%- set ns.open = false %}{%- endif %}
    {%- elif m.role == 'assistant' %}
        {%- set content = m.content if m.content is string else '' %}
        {%- if '</think>' in content and loop.index0 < ns.last_user %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>assistant\\n' + content }}
        {%- for call in m.tool_calls or [] %}
            {%- set call = call.function if call.function is defined else call %}
            {{- '\\n<tool_call>\\n{"name": "' ~ call.name ~ '", "arguments": ' }}
            {{- (call.arguments if call.arguments is string else call.arguments | tojson) ~ '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}
"""
r("whole: tools, thinking, roles",chatml,C)
r("whole: tools, thinking, roles",chatml,{**C,"tools":None,"enable_thinking":False})
r("whole: tools, thinking, roles",chatml,{"messages":M[1:2],"add_generation_prompt":False})
inst="""{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] | trim %}{% set rest = messages[1:] %}{% else %}{% set system = '' %}{% set rest = messages %}{% endif %}
{% for m in rest %}
{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('Roles must alternate user/assistant/user/assistant/...') }}
{% endif %}
{% if m['role'] == 'user' %}
[INST] {% if loop.first and system %}{{ system + '\\n\\n' }}{% endif %}{{ m['content'] }} [/INST]{% else %}
 {{ m['content'] | trim ~ eos_token }}{% endif %}
{% endfor %}"""
r("whole: alternating roles",inst,{"messages":[M[0],M[1],M[4],M[1]],"bos_token":"<s>","eos_token":"</s>"})
r("whole: alternating roles",inst,C)
schema="""{%- macro type_of(p) -%}
{%- if p.type == 'array' -%}{{ type_of(p['items']) if p['items'] is defined else 'any' }}[]
{%- elif p.enum is defined -%}{{ p.enum | map('tojson') | join(' | ') }}
{%- elif p.type == 'object' -%}
{ {%- for name, q in p.properties | dictsort %} {{ name }}{{ '?' if name not in (p.required or []) }}: {{ type_of(q) }}{{ ',' if not loop.last }}{% endfor %} }
{%- else -%}{{ {'integer': 'number'}.get(p.type, p.type) }}{%- endif -%}
{%- endmacro -%}
{% for t in tools %}
// {{ t.function.description | default('', true) | replace('\\n', ' ') }}
type {{ t.function.name }} = (_: {{ type_of(t.function.parameters) }}) => any;
{% endfor %}
"""
r("whole: schemas by a recursive macro",schema,C)
out=[];seen={}
for f,t,c in rows:
    row={"feature":f,"template":t}
    if c is not None: row["context"]="chat" if c is C else c
    try: row["expected"]=env.from_string(t).render(**(c or {}))
    except Raised as e: row["raised"]=str(e)
    except Exception as e: row["error"]=type(e).__name__+": "+str(e)
    out.append(row)
with open(sys.argv[1],'w') as f:
    f.write(json.dumps({"chat":C},ensure_ascii=False)+"\n")
    for row in out: f.write(json.dumps(row,ensure_ascii=False)+"\n")
for row in out:
    if 'error' in row: print(row['feature'],'|',row['error'])
print(len(out))
