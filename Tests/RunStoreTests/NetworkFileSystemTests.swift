import Foundation
import RunStore
import Testing

@Suite struct NetworkFileSystemTests {
    @Test(
        arguments: [
            (0x6969, "NFS"), (0xFF53_4D42, "SMB"), (0xFE53_4D42, "SMB"), (0x517B, "SMB"), (0x00C3_6400, "Ceph"),
            (0x0BD0_0BD0, "Lustre"), (0x4750_4653, "GPFS"), (0x1983_0326, "BeeGFS"), (0x0102_1997, "9P"),
            (0x5346_414F, "AFS"), (0x6573_5546, "FUSE"),
            // ext4, xfs, btrfs, tmpfs, overlayfs, ZFS; and what is no file.
            (0xEF53, nil), (0x5846_5342, nil), (0x9123_683E, nil), (0x0102_1994, nil), (0x794C_7630, nil),
            (0x2FC1_2FC1, nil), (0, nil),
        ] as [(UInt32, String?)])
    func isToldByTheNumberOfTheSystem(_ type: UInt32, _ name: String?) {
        #expect(NetworkFileSystem.name(ofType: type) == name)
    }

    @Test func aFileThatIsNotThereIsOnNone() {
        #expect(NetworkFileSystem.name(ofPath: "/nowhere/runs.sqlite") == nil)
        #expect(NetworkFileSystem.name(ofPath: "/proc/self/status") == nil)
    }
}
