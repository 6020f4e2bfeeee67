import CFileSystem

/// A file system of which several machines can have a part at a time. SQLite relies on locks that hold for all who write, and there they often hold for the processes of one machine
/// alone: see <https://sqlite.org/howtocorrupt.html>, "Filesystems with broken or missing lock implementations".
package enum NetworkFileSystem {
    /// The name of the one that a path is on, or nil if it is on a disk of this machine, or on something unknown.
    package static func name(ofPath path: String) -> String? { name(ofType: cfs_type(path)) }

    /// - Parameter type: as statfs(2) gives it; the numbers are those of Linux' `magic.h` and of the systems' own sources
    package static func name(ofType type: UInt32) -> String? {
        switch type {
        case 0x6969: "NFS"
        case 0x517B, 0xFF53_4D42, 0xFE53_4D42: "SMB"
        case 0x00C3_6400: "Ceph"
        case 0x0BD0_0BD0: "Lustre"
        case 0x4750_4653: "GPFS"
        case 0x1983_0326: "BeeGFS"
        case 0xAAD7_AAEA: "PanFS"
        case 0x2003_0528: "OrangeFS"
        case 0x5346_414F, 0x6B41_4653: "AFS"
        case 0x7375_7245: "Coda"
        case 0x564C: "NCP"
        case 0x0102_1997: "9P"
        // sshfs and others; also some that are of this machine.
        case 0x6573_5546: "FUSE"
        default: nil
        }
    }
}
