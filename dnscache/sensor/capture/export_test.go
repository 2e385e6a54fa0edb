package capture

// AssembleFilter is for the tests that compare the filter with the packet
// decoder, which this package can not import.
var AssembleFilter = assembleFilter
