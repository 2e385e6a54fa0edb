// Package geo tells whose an address is and where: autonomous system, country,
// city and position, from MMDB files.
//
// # Nouns
//
// A Database is one MMDB file in memory, checked. An Info is what is known of
// one address, a Place one that many share. A Reader holds up to two databases, one for autonomous systems
// and one for geography, and replaces them when their files change. A Cursor is
// one goroutine's way to look up: a Reader with a cache in front.
//
// # Schemas
//
// MMDB is a container: a search tree from networks to records, and a record is
// a map whose keys are its maker's choice. The usual ones are known:
//
//   - GeoIP2, GeoLite2 and DB-IP: maps in maps (country.iso_code,
//     city.names.en, location.latitude, traits.autonomous_system_number), and
//     autonomous_system_number at the top in the ASN and ISP databases;
//   - IPinfo: everything at the top, mostly as text (asn "AS15169", as_name,
//     country or country_code, city, lat and lng or loc);
//   - flat ones as others build them (autonomous_system_number, country_code,
//     city, latitude, longitude).
//
// The database_type in the metadata names the maker. What a file carries is
// found by reading some thousand of its records when it is opened, never from
// its file name; a file with none of the known facts is refused with a list of
// what it holds. Each record is then read by its own keys, so a file that mixes
// schemas works too. Where several keys of a record give one fact the most
// exact wins: country before registered_country, a code before a name.
//
// An organisation is believed only as the name of the autonomous system: the
// isp and organization of GeoIP2-ISP are not it. A city is its English name. A
// position of exactly 0, 0 in a record without a country is what some makers
// write for an unknown one, and is none.
//
// # Bad files
//
// Open refuses what is not an MMDB file, what is damaged where it looks and
// what is over 2 GiB. What is damaged elsewhere is met in a look-up, which then
// finds nothing and is counted in Stats. The tree is walked by maxminddb, the
// records by this package: a record may have 4,096 values at most, every length
// and pointer is checked, and reading one allocates nothing.
//
// # Memory
//
// A file is read into memory whole and not mapped: a mapped file that someone
// overwrites in place would kill the process with SIGBUS. It costs the size of
// the file (GeoLite2-City about 60 MB, its ASN file 11 MB), and twice that
// while a new one is checked. The texts of an Info are parts of that memory:
// they stay valid for ever, but keep all of their database in memory for as
// long as they are held; who keeps them beyond the flow at hand takes a copy
// (strings.Clone). Texts are valid UTF-8 and at most 256 bytes long. There is
// nothing to close: a database that nobody holds any more is garbage.
//
// # Concurrency
//
// The current databases are published through an atomic pointer; nothing in a
// look-up takes a lock. Reader may be used by any goroutine, a Cursor by one. A
// cursor notices a new database at its next look-up and forgets what it
// remembered; until then it keeps the old one in memory.
//
// A cursor's cache has a fixed number of places (8,192 addresses, 0.9 MB), in
// which a new address drives out an older one, and as many for records (16,384 of
// each database, 3 MB): traffic from endless addresses still comes from the same
// systems and cities. Neither ever gets larger.
package geo
