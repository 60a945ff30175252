/* What the kernel takes to start and end a static program that does nothing. */
int main(void)
{
    return 0;
}
