import Foundation
import Kernels
import Testing

@Suite struct AvailableProcessorsTests {
    @Test(
        arguments: [
            (nil, nil, 8), (2.0, nil, 2), (2.1, nil, 3), (0.25, nil, 1), (64, nil, 8), (1e300, nil, 8),
            (nil, "3", 3), (nil, " 4 , 2", 4), (1.5, "4", 2), (4, "3", 3), (nil, "16", 8), (nil, "", 8),
        ] as [(Double?, String?, Int)])
    func theLeastOfAllLimitsCounts(_ quota: Double?, _ openMP: String?, _ count: Int) {
        let processors = AvailableProcessors(affinity: 8, quota: quota, openMP: openMP)
        #expect(processors.count == count && processors.notice == nil)
    }

    @Test(arguments: ["0", "-2", "two", "4,", "4,x", "1e3", "99999999999999999999", " "])
    func whatIsNoNumberOfThreadsIsIgnoredAndTold(_ openMP: String) {
        let processors = AvailableProcessors(affinity: 8, quota: 3, openMP: openMP)
        #expect(processors.count == 3 && processors.notice?.contains("'\(openMP)'") == true)
    }

    /// What stands in `/proc/self/cgroup`, which files there are, and the quota.
    @Test(
        arguments: [
            ("0::/\n", [:], nil),
            ("0::/\n", ["/sys/fs/cgroup/cpu.max": "150000 100000\n"], 1.5),
            // The tightest of all that the process is in; not that of a neighbour.
            (
                "0::/user.slice/job\n",
                [
                    "/sys/fs/cgroup/user.slice/cpu.max": "400000 100000\n",
                    "/sys/fs/cgroup/user.slice/job/cpu.max": "max 100000\n",
                    "/sys/fs/cgroup/job/cpu.max": "100000 100000\n",
                ], 4
            ),
            // A container whose own group is at the top, while the path is that of the machine.
            ("0::/../docker/abc\n", ["/sys/fs/cgroup/cpu.max": "50000 100000"], 0.5),
            // Version 1, with other controllers in the same hierarchy, beside an empty version 2.
            (
                "4:cpuset:/\n3:cpu,cpuacct:/slurm/job_1\n1:name=systemd:/a:b\n0::/\n",
                [
                    "/sys/fs/cgroup/cpu/slurm/job_1/cpu.cfs_quota_us": "300000\n",
                    "/sys/fs/cgroup/cpu/slurm/job_1/cpu.cfs_period_us": "100000\n",
                    "/sys/fs/cgroup/cpu/slurm/cpu.cfs_quota_us": "-1\n",
                    "/sys/fs/cgroup/cpu/slurm/cpu.cfs_period_us": "100000\n",
                ], 3
            ),
            ("cpu\n\n:\n1:cpu:\n", ["/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "5", "/sys/fs/cgroup/cpu.max": "5 0"], nil),
        ] as [(String, [String: String], Double?)])
    func theQuotaIsTheLeastOfAllGroupsAround(_ groups: String, _ files: [String: String], _ quota: Double?) {
        #expect(AvailableProcessors.quota(ofGroups: groups) { files[$0] } == quota)
    }

    @Test func thisProcessHasSomeAndNoMoreThanTheMachine() {
        #expect((1...ProcessInfo.processInfo.processorCount).contains(AvailableProcessors.here.count))
        #expect(Workers().count == AvailableProcessors.here.count)
    }
}
