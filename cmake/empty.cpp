// Keeps the library of a folder that has no sources yet.
