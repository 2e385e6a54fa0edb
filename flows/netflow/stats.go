package netflow

// Stats counts what a Decoder has met since it was made. Nothing is dropped
// without raising one of these.
type Stats struct {
	// Messages by version: each whose header could be read.
	MessagesV5, MessagesV9, MessagesIPFIX uint64

	Records        uint64 // flow records appended
	OptionsRecords uint64 // options data records read; they are never flows

	TemplatesLearned   uint64 // new ids
	TemplatesReplaced  uint64 // known ids with another layout
	TemplatesRepeated  uint64 // known ids, unchanged: the exporter's refresh
	TemplatesRestored  uint64 // taken from a saved state
	TemplatesWithdrawn uint64
	TemplatesRefused   uint64 // no bytes a record, too many fields, reserved id, cut short
	TemplatesEvicted   uint64 // forgotten to make room
	ExportersEvicted   uint64 // states of an exporter's domain forgotten to make room
	DomainsEvicted     uint64 // of these, so many because their address had Config.MaxDomainsPerAddress

	TemplatesForgotten uint64 // forgotten because their transport session ended
	ExportersForgotten uint64 // states of an exporter's domain forgotten for that

	UnknownTemplateSets  uint64 // data sets whose template is not known
	UnknownTemplateBytes uint64 // and their bytes, headers included

	// What became of those sets; the rest waits still, or was of no use.
	WaitingDecoded uint64 // read when the template came
	WaitingExpired uint64 // the template did not come in Config.MaxWaitNs, or before its session ended
	WaitingEvicted uint64 // made room for others, or were too large to wait
	BorrowedSets   uint64 // read at once with the template of another port

	MessagesRefused   uint64 // of exporters that are not in Config.Allow
	UnknownVersions   uint64 // messages of no version that is read here
	TruncatedMessages uint64 // shorter than their header says, or than a header
	BadSets           uint64 // set length under 4 or over what is left
	ReservedSets      uint64 // sets with an id that is neither template nor data
	BadRecords        uint64 // data records that run over the end of their set
	BadTimes          uint64 // times that no 64-bit count of nanoseconds holds
	RecordsRefused    uint64 // sets cut off because the message had Config.MaxRecords
	PaddingBytes      uint64 // behind the last record of a set, behind the last set

	ReverseRecords uint64 // flow records made of the other direction of a record for both

	OptionEntries        uint64 // samplers, applications, interfaces, routing tables told, or told anew otherwise
	OptionEntriesRefused uint64 // such that the domain had no room for
	TextsForgotten       uint64 // texts forgotten to make room; told again they cost an allocation again
	TextsTooLong         uint64 // texts cut at 128 bytes, and names that are none for being over 253; counted when first seen

	HostNames        uint64 // flow records with a name of their server
	HostNamesRefused uint64 // such names that are none: addresses, empty labels, too long
	BadLists         uint64 // lists in records that are cut short, too deep, or of no known template
	Answers          uint64 // addresses of DNS names that flow records told
	AnswersRefused   uint64 // such without a client or a name
	AnswersDropped   uint64 // such that nobody took in time

	// ClockRestarts counts exporters' clocks begun anew because the boot time
	// that their headers imply has jumped: a restart, or a stepped clock.
	ClockRestarts uint64
}
