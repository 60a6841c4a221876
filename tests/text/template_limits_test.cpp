// What templates may do is bounded before it is done: by steps, by the length of strings, and by
// the memory of all that they make.
#include <fmt/format.h>

#include <regex>

#include "base/error.h"
#include "base/progress.h"
#include "text/chat_template.h"
#include "text/template/filters.h"
#include "text/template/methods.h"
#include "text/template_time.h"
#include "text/vocabulary.h"

namespace {

using Json = nlohmann::ordered_json;
using text::jinja::Limits;

/// Long strings and lists, just below what may be; looking through any of them is too much.
constexpr Limits kSmall{.steps = 60, .depth = 300, .bytes = 1 << 20, .memory = 1 << 22};

const Json& large_context() {
  static const Json kContext = [] {
    constexpr std::size_t kSize = 1000000;
    Json out{{"s", std::string(kSize, 'a')},
             {"lines", std::string(kSize, '\n')},
             {"digits", std::string(kSize, '1')},
             {"n", 3}};
    constexpr int kItems = 4000;
    for (int i = 0; i < 2 * kItems; ++i) out["list"].push_back(0);
    for (int i = 0; i < kItems; ++i) out["entries"].emplace(std::to_string(i), 0);
    return out;
  }();
  return kContext;
}

/// The words of the refusal; "" if there is none.
std::string refusal(const std::string& source, const Limits& limits = kSmall) {
  try {
    Json context = Json::object();  // only what is asked for: converting all takes its time
    for (const auto& [name, value] : large_context().items()) {
      if (std::regex_search(source, std::regex("\\b" + name + "\\b"))) context[name] = value;
    }
    text::ChatTemplate(source).render(context, test::template_time(), limits);
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::bad_input) << source;
    return e.what();
  }
  return "";
}

void expect_limit(const std::string& source) {
  EXPECT_THAT(refusal(source), testing::HasSubstr("beyond a limit")) << source.substr(0, 200);
}

TEST(TemplateLimits, EachFilterCountsWhatItIsGiven) {
  std::size_t n = 0;
  for (const auto& rows : {text::jinja::value_filters(), text::jinja::sequence_filters(),
                           text::jinja::text_filters()}) {
    for (const text::jinja::FilterRow& row : rows) {
      for (const char* input : {"s", "lines", "digits", "list", "entries"}) {
        expect_limit(fmt::format("{{{{ {}|{} }}}}", input, row.name));
      }
      for (const char* arguments : {"s", "n, s", "n, n, s", "list", "'upper', s"}) {
        expect_limit(fmt::format("{{{{ n|{}({}) }}}}", row.name, arguments));
      }
      ++n;
    }
  }
  EXPECT_GT(n, 50U);
}

TEST(TemplateLimits, EachTestCountsWhatItIsGiven) {
  for (const text::jinja::TestRow& row : text::jinja::value_tests()) {
    expect_limit(fmt::format("{{{{ s is {} }}}}", row.name));
    expect_limit(fmt::format("{{{{ n is {}(s) }}}}", row.name));
  }
}

TEST(TemplateLimits, EachMethodCountsWhatItIsGiven) {
  struct Kind {
    std::span<const text::jinja::MethodRow> rows;
    const char* large;
    const char* small;
  };
  for (const Kind& kind : {Kind{text::jinja::string_methods(), "s", "'a'"},
                           Kind{text::jinja::list_methods(), "list", "[1]"},
                           Kind{text::jinja::dict_methods(), "entries", "{1: 2}"}}) {
    for (const text::jinja::MethodRow& row : kind.rows) {
      expect_limit(fmt::format("{{{{ {}.{}() }}}}", kind.large, row.name));
      expect_limit(fmt::format("{{{{ {}.{}(s) }}}}", kind.small, row.name));
      expect_limit(fmt::format("{{{{ {}.{}(0, list) }}}}", kind.small, row.name));
    }
  }
}

TEST(TemplateLimits, EachFunctionCountsWhatItIsGiven) {
  text::jinja::Scope functions(nullptr);
  text::jinja::add_functions(functions);
  for (const auto& [name, value] : functions.names()) {
    expect_limit(fmt::format("{{{{ {}(s) }}}}", name));
    expect_limit(fmt::format("{{{{ {}(list) }}}}", name));
  }
}

TEST(TemplateLimits, NoConstructLooksThroughWhatIsTooLong) {
  for (const char* source : {"{{ s|truncate(3) }}",
                             "{{ '{:.1}'.format(s) }}",
                             "{{ '%.1s' % s }}",
                             "{{ '%.1s'|format(s) }}",
                             "{% for c in s %}{% endfor %}",
                             "{% for c in list %}{% endfor %}",
                             "{% for c in s if false %}{% endfor %}",
                             "{{ range(*list) }}",
                             "{{ range(*s) }}",
                             "{{ dict(**entries) }}",
                             "{{ [s, s]|sort }}",
                             "{{ [s]|groupby('x') }}",
                             "{{ [s, s]|min }}",
                             "{{ [s, s]|unique|list }}",
                             "{{ lines.splitlines() }}",
                             "{{ lines|indent }}",
                             "{{ ['', '', '']|join(s) }}",
                             "{{ s.partition('b') }}",
                             "{{ digits|int }}",
                             "{{ digits|float }}",
                             "{{ s ~ n }}",
                             "{{ s + s }}",
                             "{{ s == s ~ '' }}",
                             "{{ s[::2] }}",
                             "{{ s[:1] }}",
                             "{{ s[-500000] }}",
                             "{{ s[500000] }}",
                             "{{ 'b' in s }}",
                             "{{ 1 in list }}",
                             "{{ list == list + [] }}",
                             "{{ list[:-1] }}",
                             "{{ list * 2 }}",
                             "{{ list|map('upper') }}",
                             "{{ [s]|map('upper')|list }}",
                             "{% set a, b = list %}",
                             "{% set a, b = s %}",
                             "{{ s }}",
                             "{{ [s] }}",
                             "{{ list }}",
                             "{{ entries }}",
                             "{{ [s]|tojson }}",
                             "{{ 'x' in entries }}",
                             "{{ entries.x }}",
                             "{{ entries['x'] }}",
                             "{% macro m(a) %}{% endmacro %}{{ m(*list) }}",
                             "{% set s %}{{ s }}{% endset %}",
                             "{% filter upper %}{{ s }}{% endfilter %}",
                             "{% for x in list recursive %}{{ loop(list) }}{% endfor %}",
                             "{{ strftime_now(s) }}"}) {
    expect_limit(source);
  }
}

TEST(TemplateLimits, QuadraticWorkIsCounted) {
  constexpr Limits kLimits{.steps = 100000};
  for (const char* source :
       {"{% set n = namespace(d={}) %}{% for i in range(3000) %}{% do n.d.update({i: 1}) %}"
        "{% endfor %}",
        "{% set n = namespace(l=[]) %}{% for i in range(3000) %}{% set n.l = n.l + [[i, 0]] %}"
        "{% endfor %}{{ dict(n.l) }}",
        "{{ range(3000)|unique|list }}",
        "{% for i in range(3000) %}{{ 'x' in range(3000) }}{% endfor %}",
        "{% set n = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}"
        "{% set n.b = [n.b, n.b] %}{% endfor %}{{ n.a == n.b }}",
        "{% for i in range(1000) %}{{ s|truncate(3) }}{% endfor %}"}) {
    EXPECT_THAT(refusal(source, kLimits), testing::HasSubstr("beyond a limit")) << source;
  }
}

TEST(TemplateLimits, MemoryOfAllValuesIsBounded) {
  constexpr Limits kLimits{.bytes = 1 << 20, .memory = 1 << 22};
  for (const char* source :
       {"{% set n = namespace(l=[]) %}{% for i in range(9) %}{% set n.l = n.l + [s ~ i] %}"
        "{% endfor %}",
        "{{ lines.splitlines()|length }}", "{{ s|list|length }}", "{{ [s, s, s, s, s]|sort }}",
        "{{ range(200000)|list|length }}", "{% for c in s %}{% break %}{% endfor %}",
        "{{ ('a,' * 100000).split(',') }}", "{{ ('[],' * 40000)|from_json }}"}) {
    EXPECT_THAT(refusal(source, kLimits), testing::HasSubstr("beyond a limit")) << source;
  }
  EXPECT_THAT(refusal("{{ lines.splitlines() }}", kLimits), testing::HasSubstr("in all values"));
  // Loops give theirs back.
  EXPECT_EQ(refusal("{% for i in range(1000) %}{% for j in range(100) %}{% endfor %}{% endfor %}",
                    {.memory = 1 << 23}),
            "");
}

TEST(TemplateLimits, LongPartsAreFoundInLinearTime) {
  const std::string half(300000, 'a');
  const Json context{{"s", half + half}, {"t", half + 'b'}, {"u", 'b' + half}};
  const auto render = [&](const char* source) {
    return text::ChatTemplate(source).render(context, test::template_time());
  };
  EXPECT_EQ(render("{{ s.find(t) }} {{ s.rfind(u) }} {{ t in s }} {{ (s ~ t).find(t) }} "
                   "{{ (u ~ s).rfind(u) }} {{ s.count(t) }} {{ (s ~ t ~ s).split(t)|length }}"),
            "-1 -1 False 600000 0 0 2");
  EXPECT_EQ(
      render("{{ ('ab' * 20 ~ 'c' ~ 'ab' * 20).rsplit('ab' * 10, 1) }}"), "['" + [] {
        std::string all;
        for (int i = 0; i < 20; ++i) all += "ab";
        std::string front = all + 'c';
        for (int i = 0; i < 10; ++i) front += "ab";
        return front;
      }() + "', '']");
}

TEST(TemplateLimits, ATemplateOfMoreThanAMebibyteIsNotParsed) {
  const std::string longest(1 << 20, ' ');
  EXPECT_NO_THROW(text::ChatTemplate{longest});
  try {
    const text::ChatTemplate longer(longest + ' ');
    ADD_FAILURE() << "it was parsed";
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::bad_input);
    EXPECT_THAT(e.what(), testing::HasSubstr("the chat template is too long"));
  }
}

TEST(TemplateLimits, AStopEndsARendering) {
  const text::ChatTemplate endless(
      "{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}"
      "{% endfor %}");
  base::StopFlag stop;
  stop.request();
  try {
    endless.render(Json::object(), test::template_time(), {}, &stop);
    ADD_FAILURE() << "it was not stopped";
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::interrupted);
  }
}

}  // namespace
