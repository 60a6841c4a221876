// Chat templates of our own for every feature of the subset; expected texts are jinja2's.
#include "base/error.h"
#include "text/chat_template.h"
#include "text/vocabulary.h"

namespace {

using Json = nlohmann::ordered_json;

std::string render(const std::string& source, const char* context = "{}",
                   const text::jinja::Limits& limits = {}) {
  std::tm now{};
  now.tm_year = 126;
  now.tm_mday = 2;
  return text::ChatTemplate(source).render(Json::parse(context), now, limits);
}

/// The error of rendering, or of parsing.
base::Error refusal(const std::string& source, const char* context = "{}",
                    const text::jinja::Limits& limits = {}) {
  try {
    const std::string out = render(source, context, limits);
    ADD_FAILURE() << source << " gave " << out.substr(0, 100);
  } catch (const base::Error& e) {
    return e;
  }
  return {base::Fault::bad_input, "none"};
}

struct Case {
  const char* source;
  const char* expected;
  const char* context = "{}";
};

void check(std::initializer_list<Case> cases) {
  for (const Case& c : cases) EXPECT_EQ(render(c.source, c.context), c.expected) << c.source;
}

TEST(Template, WhiteSpaceAroundBlocks) {
  check({{"a\n{% if true %}\nb\n{% endif %}\nc", "a\nb\nc"},
         {"a\n  {% if true %}b{% endif %}  \nc", "a\nb  \nc"},
         {"a\n  {%+ if true %}b{% endif +%}\nc", "a\n  b\nc"},
         {"a \n {%- if true -%} \n b {%- endif -%} \n c", "abc"},
         {"a {{- 'b' -}} c", "abc"},
         {"a\n  {{ 'b' }}\nc\n", "a\n  b\nc"},
         {"a\r\nb\rc", "a\nb\nc"},
         {"x {# note #} y\n  {# line #}\nz", "x  y\nz"},
         {"{% raw %}{{ x }}{% y %}{% endraw %}!", "{{ x }}{% y %}!"}});
}

TEST(Template, LiteralsPrintAsPythonDoes) {
  check(
      {{"{{ true }} {{ False }} {{ none }} {{ missing }}|", "True False None |"},
       {"{{ 1_000 }} {{ 2.50 }} {{ 1e16 }} {{ 0.0000001 }} {{ 3.0 }}", "1000 2.5 1e+16 1e-07 3.0"},
       {"{{ [1, 'a', none, [true]] }}", "[1, 'a', None, [True]]"},
       {"{{ {'a': 1, 2: 'b'} }}", "{'a': 1, 2: 'b'}"},
       {"{{ (1,) }} {{ (1, 'x') }} {{ () }}", "(1,) (1, 'x') ()"},
       {"{{ [\"it's\", 'say \"x\"', 'both \\'\"', 'a\\nb\\t\\\\'] }}",
        "[\"it's\", 'say \"x\"', 'both \\'\"', 'a\\nb\\t\\\\']"},
       {"{{ 'a\\u00e9\\x41\\q' }}{{ 'one' 'two' }}",
        "a\u00e9"
        "A\\qonetwo"}});
}

TEST(Template, Arithmetic) {
  check({{"{{ 1 + 2 * 3 - 4 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }}",
          "3 3 -4 2 3.5 1024"},
         {"{{ 'a' + 'b' }} {{ 'ab' * 2 }} {{ [1] + [2] }} {{ 1 ~ 'x' ~ none }}",
          "ab abab [1, 2] 1xNone"},
         {"{{ -3|abs }} {{ (1 + 2)|string + 'x' }}", "3 3x"},
         {"{{ '%s-%d-%05.1f%%' % ('a', 3, 2.25) }}", "a-3-002.2%"}});
  EXPECT_EQ(refusal("{{ 'a' + 1 }}").message(), "can only concatenate str (not \"int\") to str");
  EXPECT_EQ(refusal("{{ 1 // 0 }}").message(), "division by zero");
  EXPECT_THAT(refusal("{{ 9223372036854775807 + 1 }}").message(), testing::HasSubstr("64 bits"));
}

TEST(Template, ComparisonsAndLogic) {
  check({{"{{ 1 < 2 <= 2 }} {{ 1 < 2 > 3 }} {{ 'a' in 'cat' }} {{ 3 not in [1, 2] }}",
          "True False True True"},
         {"{{ 'k' in {'k': 1} }} {{ 1 == true }} {{ [1, {'a': 2}] == [1, {'a': 2}] }}",
          "True True True"},
         {"{{ '' or 'x' }} {{ 0 and 1 }} {{ not [] }} {{ not 1 == 2 }}", "x 0 True True"},
         {"{{ 'a' if false else 'b' }} {{ 'a' if false }}| {{ 1 if true else 2 if true else 3 }}",
          "b | 1"},
         {"{{ missing == missing2 }} {{ missing == none }} {{ 'a' in missing }}",
          "True False False"}});
  EXPECT_EQ(refusal("{{ 1 < 'a' }}").message(),
            "'<' not supported between instances of 'int' and 'str'");
}

TEST(Template, AttributesItemsAndSlices) {
  const char* context =
      R"({"m": {"role": "user", "items": 3, "n": {"x": [10, 20, 30]}}, "s": "h\u00e9llo"})";
  check({{"{{ m.role }} {{ m['role'] }} {{ m.n.x[1] }} {{ m.n.x[-1] }} {{ m.n.x.0 }}",
          "user user 20 30 10", context},
         {"{{ m['items'] }} {{ m.items()|length }} {{ m.nothing }}|{{ m.n.x[9] }}|", "3 3 ||",
          context},
         {"{{ m.n.x[1:] }} {{ m.n.x[:-1] }} {{ m.n.x[::-1] }} {{ m.n.x[5:] }} {{ m.n.x[-9:1] }}",
          "[20, 30] [10, 20] [30, 20, 10] [] [10]", context},
         {"{{ s[1] }} {{ s[1:3] }} {{ s[::-1] }} {{ s|length }}", "\u00e9 \u00e9l oll\u00e9h 5",
          context}});
  EXPECT_EQ(refusal("{{ a.b }}").message(), "'a' is undefined");
  EXPECT_EQ(refusal("{{ none[1:] }}").message(), "'NoneType' object is not subscriptable");
  EXPECT_EQ(refusal("\n\n{{ f(1) }}").message(), "'f' is undefined");
  EXPECT_THAT(refusal("\n\n{{ f(1) }}").what(), testing::HasSubstr("line: 3"));
}

TEST(Template, Loops) {
  check(
      {{"{% for x in [1, 2, 3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.first "
        "}}"
        "{{ loop.last }}{{ loop.length }} {% endfor %}",
        "103TrueFalse3 212FalseFalse3 321FalseTrue3 "},
       {"{% for x in [1, 2, 3] %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}",
        "<1>2 1<2>3 2<3> "},
       {"{% for x in [1, 2, 3, 4] if x % 2 == 0 %}{{ loop.index }}:{{ x }} {% endfor %}",
        "1:2 2:4 "},
       {"{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}", "a=1;b=2;"},
       {"{% for k in {'a': 1} %}{{ k }}{% endfor %}{% for c in 'xy' %}<{{ c }}>{% endfor %}",
        "a<x><y>"},
       {"{% for x in missing %}a{% else %}none{% endfor %}", "none"},
       {"{% for x in range(10) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 3 %}{% break %}"
        "{% endif %}{{ x }}{% endfor %}",
        "02"},
       {"{{ range(5, 0, -2)|list }} {{ range(2, 4)|list }}", "[5, 3, 1] [2, 3]"},
       {"{% for (a, (b, c)) in [(1, (2, 3))] %}{{ a + b + c }}{% endfor %}", "6"}});
  EXPECT_EQ(refusal("{% for x in none %}{% endfor %}").message(),
            "'NoneType' object is not iterable");
}

TEST(Template, ScopesOfSet) {
  check({{"{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}", "21"},
         {"{% for i in [1, 2] %}{{ x }}{% set x = i %}{% endfor %}", ""},
         {"{% if true %}{% set x = 1 %}{% endif %}{{ x }}", "1"},
         {"{% set ns = namespace(n=0) %}{% for i in [1, 2] %}{% set ns.n = ns.n + i %}{% endfor "
          "%}{{ ns.n }}",
          "3"},
         {"{% set a, b = 1, 2 %}{{ b }}{{ a }}", "21"},
         {"{% set x %}<{{ 1 }}>{% endset %}{{ x }}{{ x is string }}", "<1>True"},
         {"{% set x | upper %}ab{% endset %}{{ x }}", "AB"},
         {"{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}", "3"},
         {"{% filter upper | trim %} ab {% endfilter %}", "AB"},
         {"{% generation %}x{% endgeneration %}", "x"}});
  EXPECT_THAT(refusal("{% set x.y = 1 %}").message(), testing::HasSubstr("non-namespace"));
}

TEST(Template, Macros) {
  check(
      {{"{% macro m(a, b='x') %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, "
        "a=4) }}{{ m() }}",
        "[1x][12][43][x]"},
       {"{% macro down(n) %}{{ n }}{% if n > 0 %}{{ down(n - 1) }}{% endif %}{% endmacro %}{{ "
        "down(3) }}",
        "3210"},
       {"{% macro m() %}{{ later }}{% endmacro %}{% set later = 'seen' %}{{ m() }}", "seen"},
       {"{% macro m() %}{% set x = 2 %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}{{ x }}", "21"},
       {"{% macro m() %}{{ i }}{% endmacro %}{% for i in [1] %}{{ m() }}{% endfor %}", ""},
       {"{% for i in [7] %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "7"}});
  EXPECT_THAT(refusal("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}").message(),
              testing::HasSubstr("not more than 1 argument"));
  EXPECT_THAT(refusal("{% macro m(a) %}{% endmacro %}{{ m(c=2) }}").message(),
              testing::HasSubstr("keyword argument 'c'"));
}

TEST(Template, TextFilters) {
  check(
      {{"{{ '  a b '|trim }}|{{ 'xxaxx'|trim('x') }}|{{ 'aBc'|upper }}{{ 'aBc'|lower }}{{ 'aBc "
        "dEf'|capitalize }}",
        "a b|a|ABCabcAbc def"},
       {"{{ 'a-b-c'|replace('-', '+') }} {{ 'a-b-c'|replace('-', '+', 1) }} {{ 'ab cd'|title }}",
        "a+b+c a+b-c Ab Cd"},
       {"{{ 'a\nb\n\nc'|indent(2) }}|{{ 'a\nb'|indent(2, first=true) }}", "a\n  b\n\n  c|  a\n  b"},
       {"{{ '42'|int + 1 }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ '2.9'|int }} {{ '1.5'|float }}",
        "43 0 7 2 1.5"},
       {"{{ 2.567|round(1) }} {{ 2.5|round|int }} {{ 7|string ~ 'x' }}", "2.6 2 7x"},
       {"{{ missing|default('d') }} {{ ''|default('d') }}| {{ ''|default('d', true) }} {{ "
        "none|d('x') }}",
        "d | d None"},
       {"{{ 'a<b>'|safe }}{{ 'a<b>'|escape }}", "a<b>a&lt;b&gt;"},
       {"{{ '\u00a0\u3000x\u2028'|trim }}", "x"}});
}

TEST(Template, SequenceFilters) {
  const char* context =
      R"({"users": [{"n": "b", "a": 2, "on": true}, {"n": "A", "a": 1, "on": false}], "d": {"b": 1, "A": 2}})";
  check(
      {{"{{ [3, 1, 2]|sort }} {{ ['b', 'A']|sort }} {{ [1, 2]|sort(reverse=true) }}",
        "[1, 2, 3] ['A', 'b'] [2, 1]"},
       {"{{ users|sort(attribute='n')|map(attribute='n')|join(',') }}", "A,b", context},
       {"{{ users|selectattr('on')|map(attribute='n')|list }} {{ users|rejectattr('a', 'equalto', "
        "2)|list|length }}",
        "['b'] 1", context},
       {"{{ [1, 2, 3]|select('odd')|list }} {{ [1, 2, 3]|reject('equalto', 2)|list }}",
        "[1, 3] [1, 3]"},
       {"{{ ['a', 'b']|map('upper')|join('-') }} {{ users|join(', ', attribute='n') }}", "A-B b, A",
        context},
       {"{{ d|dictsort }} {{ d|items|list }} {{ d|list }}",
        "[('A', 2), ('b', 1)] [('b', 1), ('A', 2)] ['b', 'A']", context},
       {"{{ [1, 2]|first }}{{ [1, 2]|last }}{{ [3, 1]|min }}{{ [3, 1]|max }}{{ [1, 2]|sum }}{{ "
        "'ab'|reverse }}",
        "12133ba"},
       {"{{ [1, 2, 1]|unique|list }} {{ missing|items|list }} {{ missing|length }} {{ []|first }}|",
        "[1, 2] [] 0 |"}});
  EXPECT_EQ(refusal("{{ 'x'|items }}").message(), "Can only get item pairs from a mapping.");
  EXPECT_EQ(refusal("{{ none|length }}").message(), "object of type 'NoneType' has no len()");
}

TEST(Template, Json) {
  const char* context =
      R"({"v": {"b": [1, 2.0, null, true], "a": "\u00e9\"\n\ud83d\ude00", "e": {}, "l": []}})";
  check({{"{{ v|tojson }}",
          "{\"b\": [1, 2.0, null, true], \"a\": \"\u00e9\\\"\\n\U0001F600\", \"e\": {}, \"l\": []}",
          context},
         {"{{ v.a|tojson(ensure_ascii=true) }}", "\"\\u00e9\\\"\\n\\ud83d\\ude00\"", context},
         {"{{ v.b|tojson(indent=2) }}", "[\n  1,\n  2.0,\n  null,\n  true\n]", context},
         {"{{ {'b': 1, 'a': 2}|tojson(sort_keys=true, separators=(',', ':')) }}",
          "{\"a\":2,\"b\":1}"},
         {"{{ '<>&'|tojson }}{{ ('[1, {\"a\": null}]'|from_json)[1] }}", "\"<>&\"{'a': None}"}});
  EXPECT_THAT(refusal("{{ missing|tojson }}").message(), testing::HasSubstr("JSON serializable"));
  EXPECT_THAT(refusal("{{ '{'|from_json }}").message(), testing::HasSubstr("not JSON"));
}

TEST(Template, TestsBehindIs) {
  check({{"{{ x is defined }}{{ x is undefined }}{{ x is not defined }}", "FalseTrueTrue"},
         {"{{ none is none }}{{ 1 is none }}{{ true is true }}{{ 1 is true }}{{ false is false }}",
          "TrueFalseTrueFalseTrue"},
         {"{{ 'a' is string }}{{ 1 is integer }}{{ true is integer }}{{ 1.5 is float }}{{ true is "
          "number }}{{ true is boolean }}",
          "TrueTrueFalseTrueTrueTrue"},
         {"{{ {} is mapping }}{{ [] is sequence }}{{ 'a' is iterable }}{{ {} is iterable }}{{ 1 is "
          "iterable }}{{ none is sequence }}",
          "TrueTrueTrueTrueFalseFalse"},
         {"{{ 3 is odd }}{{ 4 is divisibleby 2 }}{{ 1 is in [1] }}{{ 2 is eq 2 }}{{ 1 is lt(2) "
          "}}{{ range is callable }}",
          "TrueTrueTrueTrueTrueTrue"},
         {"{{ 'yes' if x is defined else 'no' }}{{ x is defined and y }}", "noFalse"}});
  EXPECT_EQ(refusal("{{ 1 is nonsense }}").message(), "No test named 'nonsense'");
  EXPECT_EQ(refusal("{{ 1|nonsense }}").message(), "No filter named 'nonsense'");
}

TEST(Template, Methods) {
  check({{"{{ 'a,b,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ ' a  b '.split() }} {{ "
          "'a,b'.split(',')[-1] }}",
          "['a', 'b', 'c'] ['a', 'b,c'] ['a', 'b'] b"},
         {"{{ ' x '.strip() }}|{{ 'xxa'.lstrip('x') }}|{{ 'a\n'.rstrip('\n') }}", "x|a|a"},
         {"{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith(('x', 'bc')) }}", "TrueTrue"},
         {"{{ 'aab'.replace('a', 'b', 1) }} {{ 'ab'.upper() }} {{ 'a-{}-{n}'.format(1, n=2) }}",
          "bab AB a-1-2"},
         {"{{ 'h\u00e9llo'.find('l') }} {{ 'banana'.count('an') }} {{ '-'.join(['a', 'b']) }}",
          "2 2 a-b"},
         {"{{ {'a': 1}.get('a') }} {{ {'a': 1}.get('b') }} {{ {'a': 1}.get('b', 2) }} {{ {'a': "
          "1}.keys()|list }}",
          "1 None 2 ['a']"},
         {"{% set l = [1] %}{% do l.append(2) %}{{ l }}{{ l.pop() }}{{ l }}", "[1, 2]2[1]"}});
  EXPECT_EQ(refusal("{{ ''.split('') }}").message(), "empty separator");
}

TEST(Template, Functions) {
  check({{"{{ strftime_now('%Y-%m-%d') }} {{ dict(a=1) }} {{ namespace(a=2).a }}",
          "2026-01-02 {'a': 1} 2"}});
  const base::Error e = refusal("{{ raise_exception('no ' + 'way') }}");
  EXPECT_EQ(e.message(), "no way");
  EXPECT_EQ(e.fault(), base::Fault::bad_input);
}

TEST(Template, MistakesAreRefusedWithTheLine) {
  for (const char* source : {"\n{{ 1 +",
                             "\n{% if %}{% endif %}",
                             "\n{% if x %}",
                             "\n{% endif %}",
                             "\n{{ 'a }}",
                             "\n{# a",
                             "\n{{ (1 }}",
                             "\n{% for x %}{% endfor %}",
                             "\n{{ 1 2 }}",
                             "\n{% break %}",
                             "\n{{ x[ ] }}",
                             "\n{% raw %}x",
                             "\n{% set true = 1 %}",
                             "\n{{ a | }}",
                             "\n{{ $ }}",
                             "\n{% else %}",
                             "\n{% call x %}{% endcall %}",
                             "\n{% call f() %}",
                             "\n{{ f(*a, b) }}",
                             "\n{{ f(**a, b=1) }}"}) {
    EXPECT_THAT(refusal(source).what(), testing::HasSubstr("line: 2")) << source;
  }
  const base::Error e = refusal("{% include 'x' %}");
  EXPECT_EQ(e.fault(), base::Fault::unsupported);
}

TEST(Template, LimitsHold) {
  const text::jinja::Limits small{.steps = 10000, .depth = 300, .bytes = 10000};
  for (const char* source :
       {"{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ 'a' * 100000 }}",
        "{{ [0] * 100000 }}",
        "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% "
        "endfor %}",
        "{% for i in range(200) %}{{ 'a' * 1000 }}{% endfor %}",
        "{{ range(100000000)|list }}",
        "{{ ('a' * 5000).replace('a', 'b' * 5000) }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{% macro r() %}{% call m() %}{{ r() }}{% "
        "endcall "
        "%}{% endmacro %}{{ r() }}",
        "{{ 'a'|center(100000) }}",
        "{{ 'a'.center(100000) }}",
        "{{ ('a' * 100)|wordwrap(1, wrapstring='b' * 1000) }}",
        "{{ ('a\n' * 1000)|indent('b' * 1000) }}",
        "{{ [1]|batch(100000, 'x')|list }}",
        "{{ [1]|slice(100000)|list }}",
        "{{ ('{0:1000}' * 1000).format('a') }}",
        "{{ ('%(a)1000s' * 900)|format(a=1) }}",
        "{{ ('\t' * 1000).expandtabs(1000) }}",
        "{{ {'a': 'b' * 9999}|xmlattr }}",
        "{{ ('<' * 5000)|escape }}",
        "{{ {'a': '/' * 5000}|urlencode }}"}) {
    EXPECT_THAT(refusal(source, "{}", small).what(), testing::HasSubstr("beyond a limit"))
        << source;
  }
}

TEST(Template, DeepNestingCannotExhaustTheStack) {
  std::string brackets;
  std::string sum = "{{ 1";
  std::string blocks;
  std::string lists = "{% set x = [] %}";
  for (int i = 0; i < 20000; ++i) {
    brackets += '(';
    sum += " + 1";
    blocks += "{% if true %}";
    lists += "{% set x = [x] %}";
  }
  EXPECT_THROW(render("{{ " + brackets), base::Error);
  EXPECT_THROW(render(sum + " }}"), base::Error);
  EXPECT_THROW(render(blocks), base::Error);
  EXPECT_EQ(render(lists), "");
  EXPECT_THROW(render(lists + "{{ x }}"), base::Error);
  EXPECT_THROW(render("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"), base::Error);
}

TEST(Template, NoValueHoldsItself) {
  for (const char* source : {
           "{% set x = [] %}{% do x.append(x) %}",
           "{% set n = namespace() %}{% set n.n = [n] %}",
           "{% for x in 'a' %}{{ loop.changed(loop) }}{% endfor %}",
           "{% set l = [] %}{% for x in [l] %}{% do l.append(loop) %}{% endfor %}",
           "{% set l = [] %}{% set c = cycler(l) %}{% do l.append(c) %}",
           "{% for x in 'a' %}{% set n = namespace() %}{% macro m() %}{% endmacro %}{% set n.m = m "
           "%}{% endfor %}",
       }) {
    EXPECT_EQ(refusal(source).message(), "a value cannot hold itself") << source;
  }
}

TEST(Template, LoopIsNotCalledAfterItsEnd) {
  const char* source =
      "{% set n = namespace() %}{% for x in [[1]] recursive %}{% set n.l = loop %}{% endfor %}"
      "{{ n.l([2]) }}";
  EXPECT_EQ(refusal(source).message(), "a loop cannot be called after its end");
}

}  // namespace
