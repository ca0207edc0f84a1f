package checkrun

// GitHub's limits, from its description of checks/create unless said otherwise.
// Characters are Unicode code points.
const (
	// MaxBatch is the number of annotations in one request; further ones are
	// appended by updates.
	MaxBatch = 50
	// MaxAnnotations is our own limit for one run: 20 requests. Nobody reads
	// more, and each costs five points of the secondary rate limit.
	MaxAnnotations = 1000
	// MaxTitle is in characters, of the output and of an annotation.
	MaxTitle = 255
	// MaxText is in characters, for the summary and the text each.
	MaxText = 65535
	// MaxMessage is in bytes, for an annotation's message and its raw details.
	// GitHub says "64 KB"; this is the smaller reading.
	MaxMessage = 64000
	// MaxActions is the number of buttons.
	MaxActions = 3
	// MaxLabel is in characters, of a button.
	MaxLabel = 20
	// MaxDescription is in characters, of a button.
	MaxDescription = 40
	// MaxIdentifier is in characters, of a button.
	MaxIdentifier = 20
)
