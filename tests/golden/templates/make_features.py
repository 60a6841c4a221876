#!/usr/bin/env python3
"""Make features.jsonl: templates for each feature of Jinja that chat templates use, with jinja2's texts.

usage: make_features.py OUT.jsonl      needs: pip install jinja2 (3.1.6 made the file that lies here)

jinja2 is set up as Hugging Face transformers does. The first line holds contexts by name; each other line is {feature,
template, context (a name, an object or missing) and expected (the text), raised (the words of raise_exception) or error
(another error of jinja2; only that there is one counts)}. A template that changes a list or mapping in place, which the
immutable sandbox forbids and engines in C++ allow, is rendered in the other sandbox.
"""
import datetime
import json
import sys

from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment, SecurityError
import jinja2, jinja2.ext
class Gen(jinja2.ext.Extension):
    tags={'generation'}
    def parse(self,parser):
        next(parser.stream)
        return parser.parse_statements(['name:endgeneration'],drop_needle=True)
env=ImmutableSandboxedEnvironment(trim_blocks=True,lstrip_blocks=True,extensions=['jinja2.ext.loopcontrols',Gen])
env.filters['tojson']=lambda x,ensure_ascii=False,indent=None,separators=None,sort_keys=False: json.dumps(x,ensure_ascii=ensure_ascii,indent=indent,separators=separators,sort_keys=sort_keys)
env.filters['from_json']=json.loads
mutable=SandboxedEnvironment(trim_blocks=True,lstrip_blocks=True,extensions=['jinja2.ext.loopcontrols',Gen])
mutable.filters.update(env.filters)
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
# what published templates do not use (yet), but Jinja has
r("call block","{% macro box(title) %}<{{ title }}>{{ caller() }}</>{% endmacro %}{% call box('a') %}inner {{ 1 + 1 }}{% endcall %}|")
r("call block with arguments","{% macro each(list) %}{% for x in list %}{{ caller(x, n=loop.index) }};{% endfor %}{% endmacro %}{% call(x, n) each(['a', 'b']) %}{{ n }}:{{ x }}{% endcall %}")
r("call block with defaults","{% macro m() %}{{ caller() }}{{ caller(2) }}{% endmacro %}{% call(x=1) m() -%} [{{ x }}] {%- endcall %}")
r("call block sees its own place","{% macro m() %}{% set v = 'macro' %}{{ caller() }}{% endmacro %}{% for v in ['loop'] %}{% call m() %}{{ v }}{% endcall %}{% endfor %}")
r("caller is defined","{% macro m() %}{{ 'with' if caller else 'without' }}{% endmacro %}{{ m() }} {% call m() %}{% endcall %}")
r("caller as a parameter","{% macro m(a, caller=none) %}{{ a }}{{ caller() if caller else '-' }}{% endmacro %}{{ m(1) }}{% call m(2) %}x{% endcall %}")
r("nested call blocks","{% macro b(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call b('o') %}{% call b('i') %}x{% endcall %}{% endcall %}")
r("call of a macro that takes none","{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}")
r("caller outside","{{ caller() }}")
r("varargs","{% macro m(a) %}{{ a }} {{ varargs }}{{ varargs|length }}{% endmacro %}{{ m(1, 2, 3) }} {{ m(1) }}")
r("kwargs","{% macro m(a) %}{{ a }}{% for k, v in kwargs|dictsort %} {{ k }}={{ v }}{% endfor %}{% endmacro %}{{ m(1, y=2, x=3) }}|{{ m() }}")
r("kwargs not taken","{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, b=2) }}")
r("arguments from lists and mappings","{% macro m(a, b, c='z') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{% set l = [1, 2] %}{{ m(*l) }} {{ m(0, *[5]) }} {{ m(**{'a': 1, 'c': 3}) }} {{ m(*l, **{'c': 4}) }} {{ dict(**{'x': 1}) }} {{ '{} {}'.format(*l) }}")
r("attributes of a macro","{% macro m(a, b=1) %}{{ kwargs }}{% endmacro %}{{ m.name }} {{ m.arguments }} {{ m.catch_kwargs }} {{ m.catch_varargs }} {{ m.caller }}")
r("recursive loop","{% for n in tree recursive %}{{ n.name }}{% if n.kids %}({{ loop(n.kids) }}){% endif %}{{ ',' if not loop.last }}{% endfor %}",{"tree":[{"name":"a","kids":[{"name":"b","kids":[{"name":"c"}]},{"name":"d"}]},{"name":"e"}]})
r("loop.depth","{% for n in t recursive %}{{ loop.depth }}{{ loop.depth0 }}{{ loop(n) }}{% else %}.{% endfor %}",{"t":[[[]],[]]})
r("recursive loop sees names around it","{% set g = 'g' %}{% for n in t recursive %}{{ g }}{{ x is defined }}{% set x = 1 %}{{ loop(n) }}{% endfor %}",{"t":[[[]]]})
r("loop(...) of a loop that is not recursive","{% for n in [[1]] %}{{ loop(n) }}{% endfor %}")
r("loop.cycle()","{% for x in 'abcde' %}{{ loop.cycle('odd', 'even', 3) }} {% endfor %}")
r("loop.cycle() of nothing","{% for x in 'ab' %}{{ loop.cycle() }}{% endfor %}")
r("loop.changed()","{% for x in [1, 1, 2, 2, 1] %}{{ x if loop.changed(x) else '.' }}{% endfor %} {% for m in messages %}{% if loop.changed(m.role == 'assistant', 1) %}{{ m.role }} {% endif %}{% endfor %}",C)
r("loop in another loop","{% for x in 'ab' %}{% set outer = loop %}{% for y in 'cd' %}{{ outer.cycle('p', 'q') }}{{ outer.last }}{{ loop.previtem }}{{ outer.nextitem }} {% endfor %}{% endfor %}")
r("loop kept after its end","{% set ns = namespace() %}{% for x in 'ab' %}{% set ns.l = loop %}{% endfor %}{{ ns.l.index }} {{ ns.l.length }} {{ ns.l.last }}")
r("loop in else","{% for x in [] %}{% else %}{{ loop is defined }}{% endfor %}")
r("joiner()","{% set j = joiner(', ') %}{{ j() }}a{{ j() }}b{{ j() }}c {% set k = joiner() %}{{ k() }}x{{ k() }}")
r("cycler()","{% set c = cycler('a', 'b', 'c') %}{{ c.current }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}{% set _ = c.reset() %}{{ c.current }}")
r("cycler() of nothing","{{ cycler() }}")
r("batch","{{ range(7)|batch(3)|list }} {{ range(4)|batch(3, 'x')|list }} {{ []|batch(2)|list }} {{ 'abcde'|batch(2, fill_with='-')|list }} {% for row in range(5)|batch(linecount=2) %}{{ row|join('+') }};{% endfor %}")
r("slice","{{ range(7)|slice(3)|list }} {{ range(7)|slice(3, 'x')|list }} {{ range(2)|slice(3)|list }} {{ range(6)|slice(slices=2, fill_with=0)|list }}")
r("slice of none","{{ [1]|slice(0)|list }}")
r("groupby","{% for role, list in messages|groupby('role') %}{{ role }}:{{ list|length }} {% endfor %}{% for g in messages|groupby('role') %}{{ g.grouper }}{{ g.list|length }}{{ g[0] }}{{ g|length }} {% endfor %}{{ [{'a': 1}]|groupby('a') }}",C)
r("groupby(default=, case_sensitive=)","{% set l = [{'n': 'b'}, {'n': 'A'}, {'n': 'B'}, {}, {'n': 'a'}] %}{{ l|groupby('n', default='') }} {{ l|groupby('n', default='z', case_sensitive=true)|map('first')|list }} {{ [[1, 'x'], [0, 'y'], [1, 'z']]|groupby(0) }} {{ [{'a': {'b': 2}}, {'a': {'b': 1}}]|groupby('a.b')|map(attribute='grouper')|list }}")
r("groupby without an attribute","{{ [1]|groupby }}")
r("center","[{{ 'ab'|center(6) }}] [{{ 'ab'|center(5) }}] [{{ 'abc'|center(6) }}] [{{ 'abcd'|center(3) }}] [{{ 'h\u00e9'|center(width=5) }}] {{ 'x'|center|length }}")
r("wordwrap","{{ 'The quick brown fox jumps over the lazy dog'|wordwrap(10) }}|{{ 'a well-known state-of-the-art thing'|wordwrap(9) }}|{{ 'abcdefghij klm'|wordwrap(4) }}|{{ 'abcdefghij klm'|wordwrap(4, false) }}|{{ 'one two three'|wordwrap(7, wrapstring='<br>') }}")
r("wordwrap with hyphens and lines","{{ 'x well-known--yes y'|wordwrap(6, break_on_hyphens=false) }}|{{ 'aa -- bb--cc 12-34 a-b'|wordwrap(5) }}|{{ ' first  line \\n\\n second\\tline is  long'|wordwrap(8) }}|{{ ''|wordwrap(5) }}|{{ 'h\u00e9llo w\u00f6rld \u00fcber-alles'|wordwrap(6) }}")
r("wordwrap of nothing","{{ 'abc'|wordwrap(0) }}")
r("truncate","{{ 'one two three four'|truncate(9) }}|{{ 'one two three four'|truncate(11, true) }}|{{ 'one two three'|truncate(10) }}|{{ 'one two three four'|truncate(9, false, '!', 0) }}|{{ 'short'|truncate }}|{{ 'h\u00e9llo w\u00f6rld'|truncate(7, leeway=0, end='\u2026') }}|{{ 'abcdefghij'|truncate(5, leeway=0) }}")
r("indent with all arguments","{{ 'a\\n\\nb\\n'|indent(2, true, true) }}|{{ 'a\\r\\nb\\u2028c'|indent(width=1) }}|{{ ''|indent(2, first=true) }}|{{ 'a\\nb'|indent('> ', blank=true) }}|{{ '\\n'|indent(2, true) }}|{{ 'a\\n \\nb'|indent(2) }}")
r("xmlattr","<a{{ {'href': 'x?a=1&b=\"2\"', 'id': 3, 'no': none, 'u': nothing, 'q': ''}|xmlattr }}>{{ {'a': 1}|xmlattr(false) }}{{ {}|xmlattr }}|{{ {'a': none}|xmlattr }}|{{ {'a': 1, 'b-c': \"'\"}|xmlattr(autospace=true) }}")
r("xmlattr with a space in a key","{{ {'a b': 1}|xmlattr }}")
r("xmlattr of a list","{{ [1]|xmlattr }}")
r("urlencode","{{ 'a b/c?\u00e9&~_.-'|urlencode }} {{ {'q': 'x y', 'n': 1, '/': '/'}|urlencode }} {{ [('a', '1 2'), ('b', none)]|urlencode }} {{ 1.5|urlencode }}")
r("filesizeformat","{{ 1|filesizeformat }} {{ 999|filesizeformat }} {{ 1000|filesizeformat }} {{ 123456789|filesizeformat }} {{ 1024|filesizeformat(true) }} {{ 123456789|filesizeformat(binary=true) }} {{ 0|filesizeformat }} {{ '1000000'|filesizeformat }} {{ 999999|filesizeformat }}")
r("forceescape","{{ '<a>'|forceescape }} {{ ['<']|forceescape }}")
r("format","{{ '%s, %s!'|format('Hello', 'you') }} {{ '%(a)s-%(b)03d'|format(a='x', b=7) }} {{ '100%%'|format }} {{ '%c%r'|format('x', 'y') }} {{ '%o %X %e %+d % d'|format(8, 255, 1.5, 3, 4) }} {{ '%*d|%-*d|'|format(4, 1, 3, 2) }} {{ '%.3s|%5s|%-5s|'|format('abcdef', '\u00e9', 'x') }} {{ '%i %u'|format(1.9, 2) }} {{ '%s' % none }} {{ '%(k)s' % {'k': [1]} }}")
r("format with both kinds","{{ '%s %(a)s'|format(1, a=2) }}")
r("format with too few","{{ '%s %s'|format(1) }}")
r("format with too many","{{ '%s'|format(1, 2) }}")
r("format of text as a number","{{ '%d'|format('x') }}")
r("dictsort with all arguments","{{ {'b': 1, 'A': 2, 'c': 0}|dictsort(false, 'value') }} {{ {'b': 'x', 'a': 'X', 'c': 'A'}|dictsort(case_sensitive=true, by='value', reverse=true) }} {{ {2: 'a', 1: 'b'}|dictsort }}")
r("dictsort by something else","{{ {'a': 1}|dictsort(by='x') }}")
r("sort by several attributes","{% set l = [{'a': 2, 'b': 'x'}, {'a': 1, 'b': 'y'}, {'a': 1, 'b': 'X'}] %}{{ l|sort(attribute='a,b') }} {{ l|sort(attribute='b,a', case_sensitive=true) }} {{ [[2, 'a'], [1, 'b']]|sort(attribute=0) }} {{ l|sort(true, attribute='a')|map(attribute='b')|list }} {{ [[3, [1]], [1, [2]]]|sort(attribute='1.0') }}")
r("sort of different types","{{ [1, 'a']|sort }}")
r("map in all forms","{{ [[1, 2], [3]]|map('sum')|list }} {{ [[1, 2], [3]]|map('join', '+')|list }} {{ ['1', 'x']|map('int', default=-1)|list }} {{ [[1, 2], [3]]|map(attribute=0)|list }} {{ [{'a': {'b': 1}}, {'a': {}}]|map(attribute='a.b', default=0)|list }} {{ ['a']|map('default', 'z')|list }} {{ []|map('upper')|list }} {{ [{'x': [5]}]|map(attribute='x.0')|first }}")
r("map without arguments","{{ [1]|map|list }}")
r("map of an unknown filter","{{ [1]|map('nope')|list }}")
r("select and reject in all forms","{{ [1, 2, 3, 4, 5]|select('divisibleby', 2)|list }} {{ ['a', 1, none]|select('string')|list }} {{ ['a', 1, none]|reject('none')|list }} {{ [1, 2]|reject('in', [1])|list }} {{ range(9)|select('>', 6)|list }} {{ [0, 1, false, true]|select|list }} {{ ['x', 'ab']|select('eq', 'x')|first }} {{ [{}, {'a': 1}]|select('mapping')|list|length }}")
r("selectattr and rejectattr in all forms","{% set l = [{'n': 1, 'd': {'k': 'x'}}, {'n': 2, 'd': {}}, {'n': 3}] %}{{ l|selectattr('n', '>', 1)|map(attribute='n')|list }} {{ l|rejectattr('n', 'odd')|map(attribute='n')|list }} {{ l|selectattr('d', 'defined')|selectattr('d.k')|list|length }} {{ l|rejectattr('d')|map(attribute='n')|list }} {{ l|selectattr('n', 'in', [1, 3])|map(attribute='n')|list }} {{ [[0], [1]]|selectattr(0)|list }}")
r("selectattr of undefined","{{ [{}]|selectattr('a.b')|list }}")
r("sum in all forms","{{ [[1], [2]]|sum(start=[]) }} {{ [[1, 2], [3, 4]]|sum(attribute=1) }} {{ [{'a': {'b': 2}}]|sum('a.b', 10) }} {{ [0.1, 0.2]|sum }}")
r("sum of text","{{ ['a']|sum }}")
r("min and max in all forms","{{ ['b', 'A']|min(true) }} {{ ['b', 'A']|max(case_sensitive=true) }} {{ [{'n': 3}, {'n': 5}]|max(attribute='n') }} {{ [[3, 'x'], [2, 'y']]|min(attribute=0) }} {{ {'a': 1, 'b': 2}|max }} {{ (1, 2)|min }} {{ 'hello'|max }}")
r("unique in all forms","{{ ['a', 'A']|unique(true)|list }} {{ [{'n': 'x'}, {'n': 'X'}, {'n': 'y'}]|unique(attribute='n')|list }} {{ [[1, 2], [1, 3]]|unique(attribute=0)|list }}")
r("join in all forms","{{ [{'a': {'b': 1}}, {'a': {'b': 2}}]|join('-', 'a.b') }} {{ [[1, 2], [3, 4]]|join(',', attribute=1) }} {{ [1, nothing, 2]|join(',') }} {{ {'x': 1, 'y': 2}|join(d='/') }}")
r("list, length, first, last of mappings and texts","{{ {'a': 1, 'b': 2}|first }} {{ {'a': 1, 'b': 2}|list|last }} {{ nothing|list }} {{ nothing|first }}| {{ 'abc'|list|length }} {{ (1, 2)|count }}")
r("default in all forms","{{ nothing|default(default_value='x') }} {{ messages[0].zzz|default('y') }} {{ []|default([1], true) }} {{ false|default('f') }} {{ nothing|default(1)|default(2) }}",C)
r("replace in all forms","{{ 'aaaa'|replace('a', 'b', 2) }} {{ 'aaaa'|replace('a', 'b', count=3) }} {{ 'ab'|replace('', '-', 2) }} {{ 112|replace('1', 'x') }} {{ 'abc'|replace('b', 2) }} {{ 'abab'.replace('b', '', 1) }} {{ 'aa'.replace('', '-') }} {{ 'x'|replace(old='x', new='y') }}")
r("round in all forms","{{ 42.55|round }} {{ 42.55|round(1, 'floor') }} {{ 42.51|round(1, method='ceil') }} {{ 1.115|round(2) }} {{ 2.675|round(2) }} {{ -2.5|round }} {{ 7|round }} {{ 7|round(1, 'floor') }} {{ 1250|round(-2) }} {{ 1e20|round }} {{ 0.5|round|int }}")
r("int in all forms","{{ '0x1F'|int(base=16) }} {{ '1f'|int(0, 16) }} {{ '101'|int(base=2) }} {{ '0b11'|int(0, 2) }} {{ '0o17'|int(base=8) }} {{ '1_000'|int }} {{ '-5'|int }} {{ '+5'|int }} {{ '1e3'|int }} {{ none|int }} {{ []|int(9) }} {{ '9.99'|int }} {{ ''|int }} {{ '1__0'|int }} {{ 'inf'|int(3) }} {{ '- 5'|int }}")
r("float in all forms","{{ '1e3'|float }} {{ ' 2.5 '|float }} {{ '.5'|float }} {{ '+1'|float }} {{ none|float }} {{ 'x'|float(default=1) }} {{ '1_0.5'|float }} {{ 'inf'|float }} {{ true|float }}")
r("abs of text","{{ 'a'|abs }}")
r("trim in all forms","[{{ '  x '|trim }}] [{{ 'xyzx'|trim(chars='x') }}] [{{ 12321|trim('1') }}] [{{ none|trim }}]")
r("capitalize, lower, upper of other values","{{ none|upper }} {{ 1.5|capitalize }} {{ [1, 'A']|lower }} {{ true|upper }}")
r("title in all forms","{{ 'foo-bar (baz) [qux] {x} <y> it\\'s 3rd'|title }} {{ 'A1b2'|title }} {{ 'ab\\tcd'|title }}")
r("wordcount","{{ 'one two, three-four'|wordcount }} {{ ''|wordcount }} {{ 'it\\'s 5'|wordcount }} {{ '\u00e9t\u00e9 _a_'|wordcount }}")
r("reverse of mappings and more","{{ (1, 2)|reverse|list }} {{ 'h\u00e9'|reverse }} {{ range(3)|reverse|list }}")
r("items of a text","{{ 'x'|items|list }}")
r("tojson in all forms","{{ (1, 'a')|tojson }} {{ {1: 2, true: 3, none: 4, 1.5: 5}|tojson }} {{ [1]|tojson(indent='--') }} {{ [1, [2]]|tojson(indent=0) }} {{ {'b': {'d': 1, 'c': 2}, 'a': 0}|tojson(indent=2, sort_keys=true) }} {{ [1, 2]|tojson(separators=[';', '=']) }} {{ '\u007f\u2028\ud7ff'|tojson(ensure_ascii=true) }} {{ {}|tojson(separators=(',', ':'), indent=1) }}")
r("tojson of undefined","{{ nothing|tojson }}")
r("tojson of a function","{{ range|tojson }}")
# methods in all forms
r(".startswith() from and to","{{ 'abcabc'.startswith('b', 1) }} {{ 'abcabc'.startswith('bc', 1, 2) }} {{ 'abc'.startswith(('x', 'c'), -1) }} {{ 'abc'.startswith('', 3) }} {{ 'abc'.startswith('', 4) }} {{ 'h\u00e9llo'.startswith('llo', 2) }} {{ 'abc'.startswith('a', none, 1) }}")
r(".endswith() from and to","{{ 'abcabc'.endswith('b', 0, 2) }} {{ 'abcabc'.endswith('abc', 4) }} {{ 'abc'.endswith(('x', 'b'), 0, -1) }} {{ 'h\u00e9llo'.endswith('\u00e9', 0, 2) }} {{ 'a'.endswith('aa') }}")
r(".startswith() of a list","{{ 'a'.startswith(['a']) }}")
r(".find(), .rfind(), .index(), .rindex() from and to","{{ 'banana'.find('an', 2) }} {{ 'banana'.find('an', 2, 4) }} {{ 'banana'.rfind('an') }} {{ 'banana'.rfind('an', 0, 4) }} {{ 'h\u00e9h\u00e9'.find('\u00e9', 2) }} {{ 'abc'.find('', 2) }} {{ 'abc'.find('', 9) }} {{ 'abc'.rfind('') }} {{ 'abc'.index('c') }} {{ 'abca'.rindex('a') }} {{ 'abc'.find('b', -2) }}")
r(".index() of what is not there","{{ 'abc'.index('x') }}")
r(".count() from and to","{{ 'banana'.count('a', 2) }} {{ 'banana'.count('a', 2, -1) }} {{ 'h\u00e9'.count('') }} {{ 'aaaa'.count('aa') }} {{ 'abc'.count('', 1, 2) }}")
r(".split() in all forms","{{ 'a,b,c'.split(sep=',', maxsplit=1) }} {{ ' a b  c '.split(none, 1) }} {{ 'a'.split(',', 0) }} {{ ' a b c '.rsplit() }} {{ ' a b c '.rsplit(none, 1) }} {{ 'a,b,c'.rsplit(',') }} {{ 'a,b,c'.rsplit(maxsplit=1, sep=',') }} {{ 'aXXbXXc'.split('XX') }} {{ 'a b c'.rsplit(maxsplit=1) }}")
r(".splitlines() in all forms","{{ 'a\\n\\nb\\rc\\x0bd\\x0ce\\x1cf\\x85g\\u2028h'.splitlines() }} {{ 'a\\r\\nb\\n'.splitlines(true) }} {{ ''.splitlines() }} {{ '\\n'.splitlines() }} {{ 'a\\nb'.splitlines(keepends=true) }}")
r(".center(), .ljust(), .rjust(), .zfill()","[{{ 'ab'.center(5) }}] [{{ 'abc'.center(6, '*') }}] [{{ 'a'.ljust(3) }}] [{{ 'a'.ljust(3, '.') }}] [{{ 'h\u00e9'.rjust(4, '\u2026') }}] [{{ 'abc'.rjust(2) }}] {{ '42'.zfill(5) }} {{ '-42'.zfill(5) }} {{ '+'.zfill(3) }} {{ 'abc'.zfill(2) }}")
r(".center() with two fillers","{{ 'a'.center(5, 'xy') }}")
r(".expandtabs(), .swapcase(), .casefold()","{{ 'a\\tbc\\t\\td'.expandtabs() }} {{ 'a\\tb\\n\\tc'.expandtabs(4) }} {{ 'aB\u00c9'.swapcase() }} {{ 'AbC'.casefold() }} {{ 'a\\tb'.expandtabs(tabsize=1) }} {{ 'a\\tb'.expandtabs(0) }}")
r(".isalpha() and others","{{ 'ab\u00e9'.isalpha() }} {{ 'a1'.isalpha() }} {{ 'a1'.isalnum() }} {{ 'a 1'.isalnum() }} {{ '1\u0661'.isdecimal() }} {{ '\u00b2'.isdecimal() }} {{ '\u00b2'.isdigit() }} {{ '\u00bd'.isnumeric() }} {{ '\u00bd'.isdigit() }} {{ 'ab1'.islower() }} {{ 'aB'.islower() }} {{ '1'.islower() }} {{ 'A1'.isupper() }} {{ 'Ab Cd'.istitle() }} {{ 'AB'.istitle() }} {{ ' \\t'.isspace() }} {{ ''.isspace() }} {{ 'ab'.isascii() }} {{ '\u00e9'.isascii() }} {{ ''.isascii() }} {{ 'a_1'.isidentifier() }} {{ '1a'.isidentifier() }} {{ 'ab'.isprintable() }} {{ 'a\\n'.isprintable() }} {{ ''.isalpha() }}")
r(".partition() in all forms","{{ 'abc'.partition('x') }} {{ 'abc'.rpartition('x') }} {{ 'a--b--c'.partition('--')[2] }} {{ 'a--b--c'.rpartition('--')[0] }}")
r(".partition() of nothing","{{ 'abc'.partition('') }}")
r(".strip() in all forms","{{ 'abcba'.strip('ab') }} {{ ' x '.strip(none) }}| {{ '\\u2003x\\x1f'.strip() }} {{ 'aXa'.lstrip('a') }} {{ 'aXa'.rstrip('a') }} {{ '\u00e9x\u00e9'.strip('\u00e9') }}")
r(".format() with a form","{{ '{:>5}|{:<5}|{:^5}|{:*^7}|'.format('a', 'b', 'c', 'd') }} {{ '{:05d} {:+} {:x} {:#x} {:b} {:o} {:X}'.format(42, 3, 255, 255, 5, 8, 255) }} {{ '{:.2f} {:8.3f} {:e} {:g} {:%}'.format(3.14159, 2.5, 12345.678, 0.0001, 0.25) }} {{ '{:,} {:_} {:,.2f}'.format(1234567, 1234567, 1234.5) }} {{ '{!r} {!s:>4}'.format('a', 1) }} {{ '{0[a]} {x.y} {0[b][1]}'.format({'a': 1, 'b': [2, 3]}, x={'y': 2}) }}{{ '{0[a]} {0[b][1]}'.format({'a': 1, 'b': [2, 3]}) }} {{ '{:.2}'.format('abc') }} {{ '{:5}|{:5}'.format('\u00e9', 1) }} {{ '{:{}}|'.format('a', 4) }} {:.3} {{ '{:.3}'.format(2.0) }}")
r(".format() with a form for another type","{{ '{:d}'.format('x') }}")
r(".format() of what is not there","{{ '{a}'.format(b=1) }}")
r(".join() of other values","{{ ','.join([1]) }}")
r(".join() in all forms","{{ ', '.join(['a']) }} {{ '-'.join('abc') }} {{ ''.join(messages|map(attribute='role')) }} {{ ','.join({'a': 1, 'b': 2}) }} {{ ','.join([]) }}|",C)
r(".index(), .count(), .copy() of lists","{{ [5, 6, 5].index(5, 1) }} {{ (1, 2, 1).count(1) }} {{ (4, 5).index(5) }} {{ [1, 2].copy() }} {{ {'a': 1}.copy() }}")
r("tests with arguments in all forms","{{ 1 is sameas 1 }} {{ 'a' is eq('a') }} {{ 3 is greaterthan 2 }} {{ 3 is lessthan(2) }} {{ 1 is gt 0 and 2 is lt 3 }} {{ [1] is in [[1]] }} {{ none is sameas none }} {{ 5 is divisibleby(num=5) }} {{ 'x' is escaped }} {{ {} is sameas {} }} {{ 2 is not odd }} {{ 1.0 is integer }} {{ true is integer }} {{ loop is undefined }}")
r("namespace in all forms","{% set n = namespace({'a': 1}, b=2) %}{{ n.a }}{{ n.b }}{{ n.c is defined }}{% set n.a, n.b = 5, 6 %}{{ n.a }}{{ n.b }}")
r("dict() in all forms","{{ dict({'a': 1}, b=2) }} {{ dict([('x', 1), ['y', 2]]) }} {{ dict() }} {{ dict(a=1).items()|list }}")
r("range() of nothing","{{ range() }}")
r("text as a list","{{ 'a' in ['a', 'b'] }} {{ ('a', 'b')[1] }} {{ 'abc'[-5:2] }} {{ 'abc'[2:0:-1] }} {{ [1, 2, 3][-100:100:2] }} {{ 'abc'[none:2] }}")
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
r("raw and line feeds","{% raw %}\nx\n{% endraw %}\ny")
r("raw and line feeds","a\n  {% raw -%}\n x\n  {%- endraw +%}\ny{% raw %}\n z\n  {%+ endraw %} \n  {% raw %} \n  {% endraw -%}  w")
r("raw of nothing","a{% raw %}{% endraw %}b{%- raw -%} {%- endraw -%} c")
r("raw with a plus","{% raw +%}a{% endraw %}")
r("raw without an end","a{% raw %}b")
r("raw at the end","a{% raw %}")
r("comments of signs","a {#-#} b {#+#} c {#--#} d {#-+#} e {#- -#} f {##} g {#-x#} h {#x-#} i")
r("comment at the end","a{#")
r("comment at the end","a{#-\n")
r("comment without an end","a{#b")
r("comment without an end","a{#}")
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
# generators: one-shot, always true, without a length
for f in ["select","reject","map('upper')","selectattr('a')","rejectattr('a')","unique","batch(2)","slice(2)","reverse","items"]:
    v="{'a': 1}" if f=="items" else "[{'a': 1}, {}]" if "attr" in f else "['x', 'y', '']"
    r("a generator is used up","{%% set g = %s|%s %%}{{ g is defined }}{{ g is iterable }}{{ g is sequence }}{{ g is mapping }}{{ g is string }}{{ 1 if g else 0 }}{%% for i in g %%}({{ i }}){%% endfor %%}{%% for i in g %%}({{ i }}){%% else %%}none{%% endfor %%}{{ 1 if g else 0 }}"%(v,f))
    r("a generator of nothing is true","{{ 'yes' if %s|%s else 'no' }}"%("{}" if f=="items" else "[]",f))
    for use in ["|length","|last","[0]","[1:]"," + []","|tojson"," < 1"]:
        r("a generator has no "+use,"{%% set g = %s|%s %%}{{ g%s }}"%(v,f,use))
for use in ["|first","|list","|join(',')","|sort","|sum","|max","|map('string')|join","|select|list","|reverse|list","|unique|list","|batch(2)|list","|slice(2)|list","|string is string","|reject('eq', 3)|list"]:
    r("a generator goes through filters","{%% set g = [3, 1, 3]|map('int') %%}{{ g%s }} {{ g|list }}"%use)
r("a generator gives one value at a time","{% set g = [1, 2, 3, 4]|map('int') %}{{ g|first }}{{ g|first }}{{ 3 in g }}{{ g|list }}{{ g|first is defined }}")
r("a generator fails when it is asked","{% set g = [1, none, 2]|map('abs') %}{{ g|first }}")
r("a generator fails when it is asked","{% set g = [1, none, 2]|map('abs') %}{{ g|list }}")
r("a generator fails when it is asked","{% set g = [1]|map('no_such_filter') %}{% set h = [1]|select('no_such_test') %}{% set i = [1]|map %}ok")
r("a generator where values are taken apart","{% set a, b = [1, 2]|map('string') %}{{ a ~ b }} {{ '-'.join(['x', 'y']|map('upper')) }} {{ dict([['a', 1]]|select) }} {{ [1, 2]|map('int') == [1, 2]|map('int') }}")
r("generators of nothing at all","{{ none|select|list }} {{ none|map('upper')|list }} {{ nothing|selectattr('x')|list }} {{ none|rejectattr('x')|list }} {{ nothing|unique|list }} {{ nothing|reverse|list }} {{ nothing|items|list }} {{ 0|map('upper')|list }}")
r("unique of none","{{ none|unique|list }}")
r("map of a number","{{ 5|map('upper')|list }}")
r("reverse of a generator is a list","{{ ([1, 2]|map('int')|reverse)[0] }} {{ [1, 2]|map('int')|reverse|length }}")
r("loop over a generator","{% for x in ['a', 'b']|map('upper') %}{{ loop.index }}/{{ loop.length }}{{ x }}{{ loop.nextitem }}{{ loop.last }} {% endfor %}")
# ranges
r("range is no list","{{ range(3) }} {{ range(1, 4) }} {{ range(0, 9, 3) }} {{ [range(2)] }} {{ range(3) ~ '' }} {{ range(0) }}")
r("range is a sequence","{{ range(3)|length }} {{ range(5)[1] }} {{ range(5)[-1] }} {{ range(5)[9] is defined }} {{ range(10)[2:5]|list }} {{ range(10)[::-3]|list }} {{ range(10)[5:2]|list }} {{ range(5)|first }} {{ range(5)|last }} {{ range(3) is sequence }} {{ range(3) is iterable }} {{ 2 in range(3) }} {{ 3 in range(3) }} {{ 'a' in range(3) }} {{ 1 if range(0) else 0 }} {{ range(3) == range(0, 3) }} {{ range(3) == [0, 1, 2] }} {{ range(0) == range(4, 2) }} {{ range(0, 5, 2) == range(0, 6, 2) }}")
r("range backwards and empty","{{ range(3, 0, -1)|list }} {{ range(3, 0)|list }} {{ range(0, 5, 2)|list }} {{ range(-3)|list }} {{ range(5, -1, -2)|sum }} {{ range(3)|join(',') }}")
r("range is used again","{% set r = range(2) %}{% for i in r %}{{ i }}{% endfor %}{% for i in r %}{{ i }}{% endfor %}")
r("range + list","{{ range(2) + [1] }}")
r("range as JSON","{{ range(2)|tojson }}")
# numbers and cases at their ends
r("float beyond a double","{{ '1e400'|float }} {{ '-1e400'|float }} {{ '1e-400'|float }} {{ '-1E-99999999999999999999'|float }} {{ '0.0001e999'|float }} {{ '0e999999'|float }} {{ '1e400'|int(7) }}")
r("int by prefix","{{ '010'|int(7, 0) }} {{ '0x1F'|int(7, 0) }} {{ '0b101'|int(7, 0) }} {{ '0o17'|int(7, 0) }}")
r("case without letters","{{ '123' is lower }}{{ '123' is upper }}{{ '' is lower }}{{ '' is upper }}{{ '1a' is lower }}{{ '1A' is upper }}{{ 'aB' is lower }}{{ '\u4f60' is lower }}{{ none is lower }}{{ none is upper }}{{ 1.5 is lower }}{{ '1e5'.islower() }}{{ ''.isupper() }}")
r("int of too many digits","{{ ('9' * 4300)|int == 7 }} {{ ('9' * 4301)|int(7) }}")
BIG={"v":12345678901234567890,"w":9223372036854775808,"n":-9223372036854775808,"m":[18446744073709551615],"x":9223372036854775807}
r("whole numbers beyond 64 bits","{{ v }} {{ w }} {{ n }} {{ m }} {{ x }} {{ v|tojson }} {{ m|tojson(indent=1) }} {{ {v: v}|tojson }}",BIG)
r("whole numbers beyond 64 bits","{{ v is number }} {{ v is integer }} {{ v is float }} {{ v is string }} {{ v is iterable }} {{ v == v }} {{ v == w }} {{ v != x }} {{ v in [v] }} {{ {v: 1}[v] }} {{ 1 if v }}",BIG)
r("whole numbers beyond 64 bits","{{ 12345678901234567890 }} {{ 123456789012345678901234567890 }} {{ -9223372036854775808 }} {{ -9223372036854775809 }} {{ -(-v) }} {{ n|abs }} {{ (-v)|abs }}",BIG)
r("whole numbers beyond 64 bits","{{ '12345678901234567890'|int }} {{ '-00012345678901234567890'|int }} {{ v|int }} {{ v|float }} {{ v|string }} {{ v ~ 'a' }} {{ '%s' % v }} {{ '{}'.format(v) }}",BIG)
r("strftime_now of parts that are not there","{{ strftime_now('%f|%Z|%z|%%f|%%Z|%Y') }}[{{ strftime_now('%z') }}]")
r("whole numbers with a prefix","{{ 0x1f }} {{ 0X_Ff }} {{ 0o17 }} {{ 0b1_01 }} {{ 0xff + 1 }} {{ 1_000 }} {{ [1, 2, 3][0x2] }}")
r("octal escapes","{{ '\\101\\1012\\7|\\0|\\377' }}{{ '\\8' }}")
r("final sigma","{{ '\u039f\u0394\u039f\u03a3'.lower() }} {{ '\u03a3'.lower() }} {{ '\u0391\u03a3\u0391 \u0391\u03a3.'|lower }} {{ '\u0391\u03a3\u2019 \u0391\u03a3\u2019\u0391 \u0391\u0301\u03a3'|lower }} {{ '\u039f\u03a3 \u039f\u03a3'|title }} {{ '\u039f\u03a3'|capitalize }} {{ '\u039f\u03a3'.swapcase() }} {{ '\u039f\u03a3 \u03bf\u03c2'.casefold() }} {{ '1\u03a3'.lower() }}")
r(".format_map()","{{ '{a}-{b:>3}'.format_map({'a': 1, 'b': 'x'}) }}")
r(".format_map() of what is not there","{{ '{c}'.format_map({'a': 1}) }}")
r("upper case of two letters","{{ 'stra\u00dfe'.upper() }} {{ '\ufb01x'|upper }} {{ '\u0149 \u1fb3'.upper() }} {{ 'stra\u00dfe'.casefold() }} {{ '\u00df'.swapcase() }} {{ '\u00df'.islower() }} {{ '\u00df' is lower }} {{ '\u00df' is upper }}")
r("title case of two letters","{{ '\u00dfa \ufb01x'.title() }} {{ '\ufb01n'.capitalize() }} {{ '\ufb01n'|capitalize }} {{ '\ufb01n \u00dfa'|title }}")
r("format looks fields up as templates do","{{ '{1.x} {1[x]} {1[y]}|{2[1]} {3[0]}'.format(0, {'x': 2}, [3, 4], 'ab') }}")
r("filesizeformat at its ends","{{ (-1e300)|filesizeformat }} {{ (-0.5)|filesizeformat }} {{ ('nan'|float)|filesizeformat }} {{ ('inf'|float)|filesizeformat }} {{ 999.9|filesizeformat }} {{ 1e30|filesizeformat(true) }}")
r("filesizeformat of minus infinity","{{ x|float|filesizeformat }}",{"x":"-inf"})
# one row for each other name in the list of published templates' features
r("default(1 positional)","{{ nothing|default('') }}|{{ nothing|default([])|length }} {{ messages[0].name|default('system') }} {{ false|default(true) }}",C)
r("join(1 positional)","{{ messages|map(attribute='role')|join(', ') }} {{ ['x']|join('-') }}|{{ []|join('-') }}|{{ 'abc'|join('.') }}",C)
r("selectattr(3 positional)","{{ messages|selectattr('role', 'equalto', 'tool')|list|length }} {{ messages|selectattr('role', 'in', ['user', 'tool'])|map(attribute='role')|list }} {{ messages|selectattr('role', '==', 'user')|first|tojson }}",C)
r("selectattr(2 positional)","{{ messages|selectattr('tool_calls', 'defined')|list|length }} {{ messages|selectattr('content', 'string')|list|length }} {{ messages|selectattr('content', 'none')|map(attribute='role')|list }}",C)
r("map(1 positional)","{{ [' a', 'b ']|map('trim')|list }} {{ messages|map('length')|list }} {{ [1, none]|map('tojson')|join(' ') }}",C)
r("map(attribute=)","{{ tools|map(attribute='function.name')|list }} {{ messages|map(attribute='name')|list }} {{ [{'a': [7, 8]}]|map(attribute='a.1')|list }}",C)
r("replace(2 positional)","{{ 'a\\n\\nb'|replace('\\n', ' ') }} {{ 1.5|replace('.', ',') }} {{ 'abab'|replace('ab', 'aba') }}")
r("indent(1 positional)","{{ 'a\\n b\\n\\n  c'|indent(4) }}|{{ 'one'|indent(2) }}|{{ tools|tojson(indent=2)|indent(4) }}",C)
r("reject(2 positional)","{{ messages|map(attribute='role')|reject('equalto', 'system')|list }} {{ [1, 'a', none]|reject('in', [1, none])|list }}",C)
r("rejectattr(3 positional)","{{ messages|rejectattr('role', 'equalto', 'system')|map(attribute='role')|list }} {{ messages|rejectattr('role', 'in', ['user', 'assistant'])|list|length }}",C)
r(".append()","{% set l = [] %}{% for m in messages %}{% if m.role != 'system' %}{% set _ = l.append(m.role) %}{% endif %}{% endfor %}{{ l|join(' ') }}",C)
r(".append(...)","{% set l = ['a'] %}{{ l.append(['b', 1]) }} {{ l }} {% set m = l %}{% set _ = m.append('c') %}{{ l|length }}")
r(".pop()","{% set l = [1, 2, 3] %}{{ l.pop() }}{{ l.pop() }} {{ l }}")
r(".pop(...)","{% set l = [1, 2, 3, 4] %}{{ l.pop(0) }}{{ l.pop(-2) }} {{ l }} {% set d = {'a': 1, 'b': 2} %}{{ d.pop('a') }} {{ d.pop('x', 'none') }} {{ d }}")
r(".pop() of nothing","{% set l = [] %}{{ l.pop() }}")
r(".split(...)","{{ '<think>a</think>b'.split('</think>') }} {{ messages[-1].content.split('</think>')[-1].lstrip('\\n') }} {{ ''.split(',') }} {{ 'a'.split('aa') }}",C)
r(".split(..., ...)","{{ 'a=b=c'.split('=', 1) }} {{ 'a=b=c'.split('=', 0) }} {{ 'a=b=c'.split('=', -1) }} {{ 'k: v: w'.split(': ', 1)[1] }}")
r(".endswith(...)","{{ 'call</tool>\\n'.endswith('</tool>') }} {{ 'call</tool>'.endswith('</tool>') }} {{ ''.endswith('a') }} {{ 'h\u00e9'.endswith('\u00e9') }}")
r(".startswith(...)","{{ messages[-1].content.startswith('<think>') }} {{ ' a'.startswith('a') }} {{ ''.startswith('') }}",C)
r(".lstrip(...)","[{{ '\\n\\n text\\n'.lstrip('\\n') }}] [{{ 'xxyx'.lstrip('xy') }}] [{{ 'abc'.lstrip('') }}]")
r(".rstrip(...)","[{{ '\\n text\\n\\n'.rstrip('\\n') }}] [{{ 'a, , '.rstrip(', ') }}]")
r(".strip(...)","[{{ '\\n a \\n'.strip('\\n') }}] [{{ '\"quoted\"'.strip('\"') }}] [{{ 'aaa'.strip('a') }}]")
r(".get(...)","{{ messages[2].get('tool_calls')|length }} {{ messages[0].get('tool_calls') }} {{ {1: 'x'}.get(1) }} {{ {'items': 2}.get('items') }}",C)
r(".get(..., ...)","{{ messages[0].get('name', 'nobody') }} {{ messages[2].get('content', 'x') }} {{ {'a': ''}.get('a', 'b') }}|{{ {}.get('a', {}).get('b', [])|length }}",C)
r(".replace(..., ...)","{{ 'a\\r\\nb'.replace('\\r\\n', '\\n')|tojson }} {{ 'aaa'.replace('aa', 'b') }} {{ '\u00e9'.replace('\u00e9', 'e') }}")
r(".format(...)","{{ 'tool {}: {}'.format('w', [1, 'x']) }} {{ '{0}{0}'.format('ab') }}")
r("macro call","{% macro greet(who) %}Hi {{ who }}!{% endmacro %}{{ greet('you') }} {{ greet(greet('you')) ~ '?' }} {{ greet() }}")
r("macro call with keyword argument","{% macro put(text, end='.', upper=false) %}{{ text|upper if upper else text }}{{ end }}{% endmacro %}{{ put('a', upper=true) }}{{ put(end='!', text='b') }}{{ put('c', '?') }}")
r("'single' quoted","{{ 'it\"s' }}{{ '' }}{{ '{{ }}' }}{{ '#}' }}")
r("\"double\" quoted","{{ \"it's\" }}{{ \"\" }}{{ \"{% if %}\" }}")
r("string escape \\n","{{ 'a\\nb' }}{{ \"\\n\" ~ '\\n\\n' }}{{ 'a\\nb'.split('\\n')|length }}")
r("string escape \\\"","{{ \"say \\\"hi\\\"\" }}{{ 'or \\\"this\\\"' }}")
r("string escape \\'","{{ 'don\\'t' }}{{ \"don\\'t\" }}")
r("string escape \\\\","{{ 'a\\\\b' }}{{ '\\\\n' }}{{ 'C:\\\\'|length }}")
r("lower-case true / false / none","{{ true }} {{ false }} {{ none }} {{ [true, false, none] }} {{ 'y' if true and not false and none is none }}")
r("Python spelling True / False / None","{{ True }} {{ False }} {{ None }} {{ [True, False, None] }} {{ True == true }} {{ None is none }} {{ nothing is defined == False }}")
def rendered(t,c):
    try: return env.from_string(t).render(**c)
    except SecurityError: return mutable.from_string(t).render(**c)
out=[];seen={}
for f,t,c in rows:
    row={"feature":f,"template":t}
    if c is not None: row["context"]="chat" if c is C else c
    try: row["expected"]=rendered(t,c or {})
    except Raised as e: row["raised"]=str(e)
    except Exception as e: row["error"]=type(e).__name__+": "+str(e)
    out.append(row)
with open(sys.argv[1],'w') as f:
    f.write(json.dumps({"chat":C},ensure_ascii=False)+"\n")
    for row in out: f.write(json.dumps(row,ensure_ascii=False)+"\n")
for row in out:
    if 'error' in row: print(row['feature'],'|',row['error'])
print(len(out))
