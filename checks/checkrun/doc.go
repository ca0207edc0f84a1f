// Package checkrun keeps one Check Run on GitHub equal to what the App wants it
// to say. It knows GitHub's limits, survives answers that were lost after their
// effect, and never posts an annotation twice. Text that comes from
// repositories is hostile: [Escape], [Code] and [Cell] put it into Markdown.
package checkrun
