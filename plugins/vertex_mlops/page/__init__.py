"""The page inside Airflow: which model serves, is it fresh, is it drifting?"""
