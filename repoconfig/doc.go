// Package repoconfig knows which configuration of a repository is in force. It
// looks for the repository's own file, then for the owner's default, then for
// the original system's file, always on the default branch.
//
// Three things are kept apart, because mixing them has turned other Apps off
// or red without anybody's doing: a file that is not there (the next place is
// looked at), a file that cannot be loaded (an error: nothing changes and the
// job is repeated), and a file that is broken (it is reported, and the last
// good one stays in force).
package repoconfig
