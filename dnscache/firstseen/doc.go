// Package firstseen knows when names and their registrable domains were first seen
// in this network.
package firstseen
