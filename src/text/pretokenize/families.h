#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace text {

/// One family of byte-level BPE vocabularies: how text is cut into words and what follows from it.
/// Source: src/text/data/pretokenizers.json.embed (docs/spec/tokenizers.md 5.3).
struct Family {
  std::vector<std::string> expressions;  ///< applied one after the other
  bool clean_spaces = false;
  bool ignore_merges = false;  ///< a word that is a token needs no merging
  bool add_bos = false;
  bool no_bos = false;  ///< no BOS id unless the file names one
  bool escape_spaces = false;
  bool byte_aliases = true;          ///< tokens are spelt in aliases of bytes
  bool keep_line_feed_runs = false;  ///< a run of line feeds that is a token is taken whole
};

/// The family of a value of tokenizer.ggml.pre. Where the two public programs read a name
/// differently, llama.cpp's way is taken, as its converter gives the names. Throws
/// Fault::unsupported for an unknown name.
Family find_family(std::string_view name);

/// A family with its names, for those who look for the name of a given way of cutting.
struct NamedFamily {
  std::vector<std::string> names;
  Family family;
};
/// Those that llama.cpp has, in the order of the data.
std::vector<NamedFamily> all_families();

}  // namespace text
