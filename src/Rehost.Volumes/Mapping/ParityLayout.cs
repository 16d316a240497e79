namespace Rehost.Volumes.Mapping;

/// <summary>How RAID 4, 5 and 6 deal out data and parity, by MD's numbers (drivers/md/raid5.h, raid5_compute_sector).</summary>
internal enum ParityLayout
{
    LeftAsymmetric = 0,
    RightAsymmetric = 1,
    LeftSymmetric = 2,
    RightSymmetric = 3,
    ParityFirst = 4,
    ParityLast = 5,
    RotatingZeroRestart = 8,
    RotatingNRestart = 9,
    RotatingNContinue = 10,
    LeftAsymmetric6 = 16,
    RightAsymmetric6 = 17,
    LeftSymmetric6 = 18,
    RightSymmetric6 = 19,
    ParityFirst6 = 20,
}
