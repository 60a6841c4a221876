// quern edit: changes of a model file that need no encoding.
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "base/file_lock.h"
#include "base/output_file.h"
#include "base/printable.h"
#include "cli/commands.h"
#include "cli/expression.h"
#include "cli/files.h"
#include "cli/info.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "cli/value_forms.h"
#include "recipe/tables.h"
#include "surgery/metadata_edit.h"
#include "surgery/mla_edit.h"
#include "surgery/publish.h"
#include "surgery/tensor_edit.h"
#include "text/chat_template.h"

namespace cli {
namespace {

using surgery::MetadataEdit;

constexpr std::string_view kTemplateKey = "tokenizer.chat_template";

constexpr Option kOptions[] = {
    {.names = "--show",
     .value = "KEY",
     .help = "print the value of a key, whole",
     .repeats = true,
     .values = kWord},
    {.names = "--set",
     .value = "KEY=TYPE:VALUE",
     .help = "set a key; without TYPE: it keeps the one it has. TYPE is u8 to u64, i8 to i64, f32, "
             "f64, bool, str, or arr[TYPE] with a JSON list as VALUE",
     .repeats = true,
     .values = form("KEY=TYPE:VALUE")},
    {.names = "--set-str",
     .value = "KEY=TEXT",
     .help = "set a key to a string, whatever it holds",
     .repeats = true,
     .values = form("KEY=TEXT")},
    {.names = "--set-file",
     .value = "KEY=FILE",
     .help = "set a key to the content of a text file",
     .repeats = true,
     .values = form("KEY=FILE")},
    {.names = "--chat-template",
     .value = "FILE",
     .help = "set the chat template to the content of a file, which must be one",
     .values = kFile},
    {.names = "--rename",
     .value = "OLD=NEW",
     .help = "rename a key",
     .repeats = true,
     .values = form("OLD=NEW")},
    {.names = "--delete", .value = "KEY", .help = "remove a key", .repeats = true, .values = kWord},
    {.names = "--rename-tensor",
     .value = "OLD=NEW",
     .help = "rename a tensor",
     .repeats = true,
     .values = form("OLD=NEW")},
    {.names = "--drop-tensor",
     .value = "REGEX",
     .help = "leave out the tensors whose name matches",
     .repeats = true,
     .values = kExpression},
    {.names = "--from",
     .value = "DONOR",
     .help = "the model from which --tensor takes",
     .values = kModelFile},
    {.names = "--tensor",
     .value = "REGEX",
     .help = "take the tensors of the donor whose name matches, as they are: in the place of those "
             "with the same name, or at the end",
     .repeats = true,
     .values = kExpression},
    {.names = "--mla",
     .value = "split|kv_b|both",
     .help = "tensors of latent attention: attn_k_b and attn_v_b (llama.cpp), attn_kv_b, or all "
             "three (ik_llama.cpp)",
     .values = one_of()},
    {.names = "--type",
     .value = "TYPE",
     .help = "with --mla: type of what must be encoded (its error is told); exact: the narrowest "
             "of f16, bf16 and f32 that loses nothing [exact]",
     .values = form("a tensor type, or exact")},
    {.names = "-o, --output",
     .value = "FILE",
     .help = "write the result there (of a split set the prefix of its files) and leave the model "
             "as it is",
     .values = kWord},
    {.names = "--dry-run", .help = "tell what would be done"},
    {.names = "--rewrite", .help = "write the file anew even if its header could be replaced"},
    {.names = "--grow",
     .help = "if the header becomes too long, push the data back by whole blocks instead of "
             "copying it (ext4, xfs); no program may have the file open"},
    {.names = "--share-blocks",
     .help = "if a file is written anew, fill its header up so that file systems that can (xfs, "
             "btrfs) share the data in front of the first change instead of copying it; with -o, a "
             "file of a set that does not change shares all or gets a second name (hard link)"},
    {.names = "--undo",
     .help = "take the last edit in place back, of a split set in all its files; with --dry-run "
             "tell whether it can be"},
    {.names = "--no-undo", .help = "keep no record for --undo"},
    {.names = "--force", .help = "allow what contradicts the type of a key or the architecture"},
    {.names = "-t, --threads",
     .value = "N",
     .help = "threads for --mla [physical cores]",
     .values = integers(1, 4096)},
};

/// Options that would have no effect, or not the one meant, together.
void check_combinations(const Args& args) {
  const auto refuse = [&](std::string_view a, std::string_view b) {
    throw base::Error(base::Fault::bad_usage,
                      fmt::format("--{} and --{} exclude each other", a, b));
  };
  for (const Option& option : kOptions) {
    const std::string key = key_of(option);
    if (!args.given(key)) continue;
    if (args.flag("undo") && key != "undo" && key != "dry-run") refuse("undo", key);
    if (args.given("show") && key != "show") refuse("show", key);
  }
  for (const std::string_view key : {"grow", "no-undo"}) {  // of changes in place
    if (args.given("output") && args.flag(key)) refuse("output", key);
  }
  if (args.flag("rewrite") && args.flag("grow")) refuse("rewrite", "grow");
}

std::string text_of_file(std::string_view option, const std::string& path) {
  check_input_file(option, path);
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad()) throw base::Error(base::Fault::io, "cannot read file").at("file", path);
  return text;
}

std::string chat_template(const Args& args) {
  std::string source = text_of_file("--chat-template", args.str("chat-template"));
  try {
    const text::ChatTemplate parsed(source);
  } catch (base::Error& e) {
    e.at("file", args.str("chat-template"));
    if (!args.flag("force")) {
      e.hint("--force sets it nevertheless");
      throw;
    }
  }
  return source;
}

/// In the order in which they are carried out.
std::vector<MetadataEdit> metadata_edits(const Args& args) {
  std::vector<MetadataEdit> edits;
  using Kind = MetadataEdit::Kind;
  for (const std::string& key : args.list("delete")) {
    edits.push_back({.kind = Kind::erase, .key = key});
  }
  for (const std::string& s : args.list("rename")) {
    edits.push_back(surgery::parse_pair("--rename", Kind::rename, s));
  }
  for (const std::string& s : args.list("set")) edits.push_back(surgery::parse_set("--set", s));
  for (const std::string& s : args.list("set-str")) {
    edits.push_back(surgery::parse_pair("--set-str", Kind::set_text, s));
  }
  for (const std::string& s : args.list("set-file")) {
    MetadataEdit edit = surgery::parse_pair("--set-file", Kind::set_text, s);
    edit.value = text_of_file("--set-file", edit.value);
    edits.push_back(std::move(edit));
  }
  if (args.given("chat-template")) {
    edits.push_back(
        {.kind = Kind::set_text, .key = std::string(kTemplateKey), .value = chat_template(args)});
  }
  return edits;
}

surgery::MlaForm mla_form(const std::string& word) {
  if (word == "split") return surgery::MlaForm::split;
  return word == "kv_b" ? surgery::MlaForm::kv_b : surgery::MlaForm::both;
}

/// Null: what loses nothing.
const quant::Codec* type_option(const Args& args) {
  if (!args.given("type") || args.str("type") == "exact") return nullptr;
  if (const quant::Codec* codec = quant::find_codec(args.str("type"))) return codec;
  throw base::Error(base::Fault::bad_usage, "unknown tensor type")
      .at("option", "--type")
      .at("found", base::printable(args.str("type")))
      .hint("`quern types` lists them");
}

/// A draft with all changes, and what must live as long.
struct Edit {
  gguf::FileSet model;
  std::optional<gguf::FileSet> donor = {};
  surgery::Draft draft{model};
  std::vector<std::shared_ptr<const surgery::MadeMla>> made = {};
  std::string told = {};  ///< lines about it, printed when it is done

  explicit Edit(const std::string& path) : model(gguf::FileSet::open(path)) {}
};

std::vector<recipe::Pattern> expressions(const Args& args, const std::string& key) {
  std::vector<recipe::Pattern> out;
  for (const std::string& text : args.list(key)) out.push_back(expression("--" + key, text));
  return out;
}

/// A model that holds its first quantized tensors says so; which recipe it is of is not ours to
/// say.
void tell_quantization(Edit& edit) {
  if (!surgery::settle_quantization_version(edit.draft)) return;
  edit.told += "set general.quantization_version to 2: there are quantized tensors now\n";
  const auto file_type = edit.draft.metadata().integer("general.file_type");
  if (!file_type || *file_type < 0) return;
  edit.told += fmt::format("general.file_type stays {} ({}); --set changes it\n", *file_type,
                           recipe::file_type_text(static_cast<std::uint32_t>(*file_type)));
}

void edit_tensors(const Args& args, Edit& edit) {
  const std::vector<recipe::Pattern> taken = expressions(args, "tensor");
  const std::vector<recipe::Pattern> dropped = expressions(args, "drop-tensor");
  if (args.given("from") != args.given("tensor")) {
    throw base::Error(base::Fault::bad_usage, "--from and --tensor go together");
  }
  if (args.given("from")) edit.donor = gguf::FileSet::open(args.str("from"));
  for (const recipe::Pattern& pattern : taken) {
    const surgery::Grafted grafted = surgery::graft_tensors(edit.draft, *edit.donor, pattern);
    edit.told += names_text("replaced", grafted.replaced);
    edit.told += names_text("added", grafted.added);
  }
  for (const recipe::Pattern& pattern : dropped) {
    edit.told += names_text("dropped", surgery::drop_tensors(edit.draft, pattern));
  }
  for (const std::string& s : args.list("rename-tensor")) {
    const MetadataEdit pair = surgery::parse_pair("--rename-tensor", MetadataEdit::Kind::rename, s);
    surgery::rename_tensor(edit.draft, pair.key, pair.value);
  }
  const quant::Codec* type = type_option(args);
  if (args.given("mla")) {
    edit.made = surgery::convert_mla(edit.draft, mla_form(args.str("mla")), type);
    const bool encoded =
        std::ranges::any_of(edit.made, [&](const auto& made) { return &made->codec() == type; });
    if (type != nullptr && !encoded) {
      fmt::print(stderr, "note: --type has no effect: nothing must be encoded\n");
    }
  } else if (args.given("type")) {
    throw base::Error(base::Fault::bad_usage, "--type goes with --mla");
  }
  if (args.given("from") || args.given("mla")) tell_quantization(edit);
}

/// Refuses what breaks the model; tells what is merely odd.
void check_result(const surgery::Draft& draft, bool force) {
  for (const base::Finding& f : surgery::new_faults(draft)) {
    if (f.level == base::Finding::Level::error && !force) {
      throw base::Error(base::Fault::bad_input, "the edit would break the model")
          .at(base::printable(f.where), base::printable(f.text, 400))
          .hint("--force does it nevertheless");
    }
    fmt::print(stderr, "{}: {}: {}\n", level_name(f.level), base::printable(f.where),
               base::printable(f.text, 400));
  }
}

std::string plan_text(const surgery::FilePlan& plan, const surgery::Draft& draft) {
  const std::string path = base::printable(plan.path.string(), 1000);
  const std::size_t n = draft.files()[plan.file].tensors.size();
  switch (plan.action) {
    case surgery::Action::keep:
      return fmt::format("{}: stays as it is", path);
    case surgery::Action::header:
      return fmt::format("{}: header of {} replaced in place{}", path,
                         bytes_text(plan.header.bytes.size()),
                         plan.header.inserted == 0 ? "" : ", data pushed back");
    case surgery::Action::copy:
      return fmt::format("{}: copied, {}", path, bytes_text(plan.bytes));
    case surgery::Action::rewrite:
      break;
  }
  return fmt::format("{}: written anew, {} tensors, {}{}{}", path, n, bytes_text(plan.bytes),
                     plan.reason.empty() ? "" : ": ", plan.reason);
}

/// What encoding has lost, by kind of tensor and type.
void print_made(const std::vector<std::shared_ptr<const surgery::MadeMla>>& made) {
  struct Group {
    std::size_t n = 0;
    surgery::ValueError error;
    double largest = 0;
    std::string worst;
  };
  std::map<std::pair<std::string, std::string_view>, Group> groups;
  for (const auto& t : made) {
    Group& g = groups[{model::kind_name(t->name()), t->codec().name}];
    ++g.n;
    g.error += t->error();
    if (t->error().relative_rmse() < g.largest) continue;
    g.largest = t->error().relative_rmse();
    g.worst = t->name();
  }
  for (const auto& [key, g] : groups) {
    fmt::print("{}: {} made as {}, ", key.first, g.n, key.second);
    if (g.error.equal()) {
      const bool wide = g.error.n() > 0 && key.second == "f32";
      fmt::print("without loss{}\n", wide ? " (--type q8_0: smaller, with an error)" : "");
    } else {
      fmt::print("relative error {:.5f}, largest {:.5f} in {} (--type exact loses nothing)\n",
                 g.error.relative_rmse(), g.largest, g.worst);
    }
  }
}

/// Byte for byte into a file or pipe; on a terminal line by line, without what it would obey.
void print_text(std::string_view text) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  if (text.empty()) fmt::print("\n");
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    fmt::print("{}\n", terminal ? base::printable(line, std::string::npos) : std::string(line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void print_value(const gguf::Metadata& metadata, const std::string& key) {
  const gguf::Value* value = metadata.find(key);
  if (value == nullptr) {
    throw base::Error(base::Fault::bad_usage, "there is no such key")
        .at("key", base::printable(key));
  }
  // A string as it is, to be kept in a file; all else as `info` shows it, but whole.
  const auto* text = std::get_if<std::string>(value);
  if (text != nullptr) {
    print_text(*text);
  } else {
    fmt::print("{}\n", gguf::to_text(*value, std::string::npos));
  }
}

/// One change of a model at a time, from before it is read. Of a split set the first file stands
/// for all.
base::FileLock lock_model(const std::string& path) {
  return base::FileLock::beside(base::link_target(surgery::first_of_model(path)));
}

/// A set that a killed run has left between old and new is first made what it was to become; a dry
/// run says that it must be.
void finish_set(const std::string& path, bool dry_run) {
  if (!surgery::unfinished_publish(path)) return;
  if (!dry_run) {
    const base::FileLock lock = lock_model(path);
    finish_earlier(path);
    return;
  }
  throw base::Error(base::Fault::bad_input, "not all files of this split set have their names yet")
      .at("file", base::printable(path, 1000))
      .hint("without --dry-run the next edit gives them their names");
}

int undo(const std::string& path, bool dry_run) {
  finish_set(path, dry_run);
  check_input_file("FILE", path);
  const base::FileLock lock = lock_model(path);
  surgery::Undo last(path);
  if (dry_run) {
    for (const std::filesystem::path& file : last.files()) {
      fmt::print("{}: the old header would be put back\n", base::printable(file.string(), 1000));
    }
    return 0;
  }
  last.run();
  const auto rest = surgery::undo_state(path);
  fmt::print("{}: the last edit is taken back, {} left\n", base::printable(path, 1000),
             rest ? std::to_string(rest->n_edits) : "none");
  return 0;
}

bool changes_something(const std::vector<surgery::FilePlan>& plan) {
  return std::any_of(plan.begin(), plan.end(),
                     [](const surgery::FilePlan& p) { return p.action != surgery::Action::keep; });
}

/// What --undo will not do. Of the state before the edit.
std::string undo_text(const std::string& path, const std::vector<surgery::FilePlan>& plan,
                      const surgery::PublishOptions& options) {
  if (options.output || surgery::can_undo(plan, options)) return "";
  std::string out;
  const bool headers = std::ranges::any_of(
      plan, [](const surgery::FilePlan& p) { return p.action == surgery::Action::header; });
  if (options.undo && headers) {
    out += "no --undo: a file of the set is written anew\n";
  }
  const auto earlier = surgery::undo_state(path);
  if (earlier && !earlier->broke_off) {
    out += fmt::format("no --undo any more of {} earlier edit{}\n", earlier->n_edits,
                       earlier->n_edits == 1 ? "" : "s");
  }
  return out;
}

/// A header is replaced in the file itself.
void check_writable(const std::vector<surgery::FilePlan>& plan) {
  for (const surgery::FilePlan& p : plan) {
    if (p.action != surgery::Action::header || ::access(p.path.c_str(), W_OK) == 0) continue;
    throw base::Error(base::Fault::io, "FILE cannot be written: no permission")
        .at("file", base::printable(p.path.string(), 1000))
        .hint("-o writes the result elsewhere, --rewrite a new file in its place");
  }
}

/// Nothing that the command reads is in the way of what it writes.
void check_outputs(const Args& args, const Edit& edit, const std::vector<surgery::FilePlan>& plan) {
  for (const surgery::FilePlan& p : plan) {
    const std::string output = p.path.string();
    if (edit.donor) check_output(output, *edit.donor);
    check_output(output, {args.str("chat-template")});
    for (const std::string& pair : args.list("set-file")) {
      check_output(output, {pair.substr(pair.find('=') + 1)});
    }
  }
}

int show(const Args& args) {
  const gguf::FileSet model = gguf::FileSet::open(args.positionals()[0]);
  for (const std::string& key : args.list("show")) print_value(model.metadata(), key);
  return 0;
}

surgery::PublishOptions publish_options(const Args& args) {
  surgery::PublishOptions options{.in_place = !args.flag("rewrite"),
                                  .grow = args.flag("grow"),
                                  .share_blocks = args.flag("share-blocks"),
                                  .undo = !args.flag("no-undo")};
  if (args.given("output")) options.output = args.str("output");
  return options;
}

int run(const Args& args) {
  const std::string& path = args.positionals()[0];
  check_combinations(args);
  // Before anything is read: an edit that broke off may have left no readable header.
  if (args.flag("undo")) return undo(path, args.flag("dry-run"));
  const bool dry_run = args.flag("dry-run");
  if (!args.given("show")) finish_set(path, dry_run);
  check_model_file("FILE", path);
  if (args.given("show")) return show(args);
  const bool force = args.flag("force");
  const surgery::PublishOptions options = publish_options(args);
  std::optional<base::FileLock> lock;
  if (!options.output && !dry_run) lock.emplace(lock_model(path));
  Edit edit(path);
  const std::vector<MetadataEdit> edits = metadata_edits(args);
  edit_tensors(args, edit);
  for (const MetadataEdit& e : edits) surgery::apply(edit.draft.metadata(), e, force);
  check_result(edit.draft, force);
  const std::vector<surgery::FilePlan> plan = surgery::plan_publish(edit.draft, options);
  if (!changes_something(plan)) {
    fmt::print("{}{}: nothing to change\n", edit.told, base::printable(path, 1000));
    return 0;
  }
  if (options.output) check_outputs(args, edit, plan);
  for (const surgery::FilePlan& p : plan) edit.told += plan_text(p, edit.draft) + "\n";
  edit.told += undo_text(path, plan, options);
  if (dry_run) {
    fmt::print("{}", edit.told);
    return 0;
  }
  check_writable(plan);
  if (options.output) {
    for (const surgery::FilePlan& p : plan) prepare_output("--output", p.path.string());
  }
  if (options.output) lock.emplace(base::FileLock::beside(base::link_target(plan.front().path)));
  runtime::Team team(args.given("threads") ? static_cast<std::size_t>(args.integer("threads"))
                                           : physical_cores());
  TerminalProgress progress;
  surgery::publish(edit.draft, plan, options, team, progress, interrupt_flag());
  progress.clear();
  fmt::print("{}", edit.told);
  print_made(edit.made);
  return 0;
}

Kept kept(const Args&) {
  return {.what = "the model as it was: files get their names when all of them are whole",
          .how = "begin again with the same command"};
}

}  // namespace

const Command edit_command{
    .name = "edit",
    .summary = "change keys and tensors of a model without encoding it again",
    .usage = "[options] FILE",
    .details =
        "FILE is a model (the first file of a split set). Order: --from, --drop-tensor, "
        "--rename-tensor, --mla, --delete, --rename, then all that sets. If only the header "
        "changes and the new one fits, it is replaced in place, and FILE.undo keeps the old one "
        "for --undo; a header that has become shorter is filled up with the key quern.room. Else "
        "the file is written anew and renamed (then --undo has nothing to go back to); of a split "
        "set only the files that change. Bytes "
        "of tensors that stay are copied by the system, not read.\nAn edit that would break the "
        "model (a key that the architecture needs, another type, a wrong shape) is refused.",
    .options = kOptions,
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
    .kept = kept};

}  // namespace cli
